import { describe, expect, it } from 'vitest';
import { EVERYTHING, isFiltered, type Query, readQuery, sortOf, withoutFilters, writeQuery } from './query';

const particular: Query = {
  search: 'lumen & söhne',
  company: 'c1',
  known: 'identified',
  age: 'over10m',
  watched: true,
  sort: { by: 'email', descending: true },
  grouped: true,
  unfolded: new Set(['c1', 'c2']),
  visitor: 'v1',
};

describe('the address', () => {
  it('says nothing of the whole table', () => {
    expect(writeQuery(EVERYTHING).toString()).toBe('');
    expect(readQuery(new URLSearchParams())).toEqual(EVERYTHING);
  });

  it('holds all that was chosen', () => {
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
    expect(readQuery(new URLSearchParams(parameters))).toEqual(EVERYTHING);
  });
});

describe('the order', () => {
  it('is that of the newest, or of the companies with the most visitors', () => {
    expect(sortOf(EVERYTHING)).toEqual({ by: 'opened', descending: false });
    expect(sortOf({ sort: null, grouped: true } as Query)).toEqual({ by: 'visitors', descending: true });
  });

  it('cannot be by the number of visitors where companies are not put together', () => {
    const sort = { by: 'visitors', descending: true } as const;
    expect(sortOf({ ...EVERYTHING, sort }).by).toBe('opened');
  });
});

it('keeps nobody out of sight without filters', () => {
  expect(isFiltered(EVERYTHING)).toBe(false);
  expect(isFiltered({ ...EVERYTHING, search: '  ' })).toBe(false);
  expect(isFiltered(particular)).toBe(true);
  expect(isFiltered(withoutFilters(particular))).toBe(false);
  expect(withoutFilters(particular).grouped).toBe(true);
});
