import { describe, expect, it } from 'vitest';
import {
  DEFAULT_QUERY,
  isFiltered,
  type Query,
  readQuery,
  sortOf,
  withoutFilters,
  writeQuery,
} from './query';

const particular: Query = {
  search: 'lumen & söhne',
  company: 'c1',
  known: 'identified',
  age: 'over10m',
  reachable: true,
  country: 'DE',
  network: 'Example Cable (AS64500)',
  watched: true,
  sort: { by: 'email', descending: true },
  grouped: true,
  unfolded: new Set(['c1', 'c2']),
  visitor: 'v1',
};

describe('the address', () => {
  it('has no parameters for the default table', () => {
    expect(writeQuery(DEFAULT_QUERY).toString()).toBe('');
    expect(readQuery(new URLSearchParams())).toEqual(DEFAULT_QUERY);
  });

  it('contains every choice', () => {
    const spelled = writeQuery(particular).toString();
    expect(readQuery(new URLSearchParams(spelled))).toEqual(particular);
    expect(spelled).toContain('sort=-email&group=company');
  });

  it.each([
    'known=perhaps',
    'age=99',
    'sort=-colour',
    'group=ip',
    'watched=1',
    'company=',
    'visitor=',
    'x=y',
  ])('is as if it were empty with %s', (parameters) => {
    expect(readQuery(new URLSearchParams(parameters))).toEqual(DEFAULT_QUERY);
  });
});

describe('the order', () => {
  it('defaults to newest first, or to the companies with the most visitors', () => {
    expect(sortOf(DEFAULT_QUERY)).toEqual({ by: 'opened', descending: false });
    expect(sortOf({ sort: null, grouped: true } as Query)).toEqual({ by: 'visitors', descending: true });
  });

  it('is not by number of visitors unless grouped', () => {
    const sort = { by: 'visitors', descending: true } as const;
    expect(sortOf({ ...DEFAULT_QUERY, sort }).by).toBe('opened');
  });
});

it('removes all filters', () => {
  expect(isFiltered(DEFAULT_QUERY)).toBe(false);
  expect(isFiltered({ ...DEFAULT_QUERY, search: '  ' })).toBe(false);
  expect(isFiltered(particular)).toBe(true);
  expect(isFiltered(withoutFilters(particular))).toBe(false);
  expect(withoutFilters(particular).grouped).toBe(true);
});
