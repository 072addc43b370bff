import { beforeEach, expect, it } from 'vitest';
import { aSession, NOW } from '../testing/samples';
import { CompanyHistory, MAX_COMPANIES } from './companyHistory';

const lumen = { guid: 'c', name: 'Lumen & Sons', domain: 'www.Lumen.example' };
let history: CompanyHistory;

beforeEach(() => {
  history = new CompanyHistory();
});

function visitor(guid: string, openedAt: number, company = lumen) {
  return { guid, session: aSession({ guid, openedAt, company }) };
}

it('remembers since when a company has had visitors, and how many left', () => {
  const [first, second] = [visitor('a', NOW), visitor('b', NOW - 5_000)];
  history.apply({ kind: 'came', visitor: first, arrival: 'live' });
  history.apply({ kind: 'came', visitor: second, arrival: 'live' });
  expect(history.find('lumen.example')).toEqual({ company: lumen, since: NOW - 5_000, left: 0 });
  history.apply({ kind: 'left', visitor: first, reason: 'closed' });
  history.apply({ kind: 'left', visitor: second, reason: 'stale' });
  expect(history.find('lumen.example')?.left).toBe(2);
});

it('forgets a company that must no longer be shown', () => {
  history.apply({ kind: 'came', visitor: visitor('a', NOW), arrival: 'live' });
  history.apply({ kind: 'left', visitor: visitor('a', NOW), reason: 'hidden' });
  expect(history.find('lumen.example')).toBeNull();
});

it('forgets the oldest company first', () => {
  for (let n = 0; n <= MAX_COMPANIES; n += 1) {
    const company = { guid: `${n}`, name: `${n}`, domain: `c${n}.example` };
    history.apply({ kind: 'came', visitor: visitor(`${n}`, NOW, company), arrival: 'live' });
  }
  expect(history.find('c0.example')).toBeNull();
  expect(history.find('c1.example')).not.toBeNull();
});
