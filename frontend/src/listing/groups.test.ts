import { expect, it } from 'vitest';
import type { Company } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { groupByCompany } from './groups';
import type { VisitorLine } from './lines';

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };
const varga = { guid: 'v', name: 'Varga Optics', domain: 'varga.example' };

function line(guid: string, company: Company | null, age = 0): VisitorLine {
  const visitor = { guid, session: aSession({ guid, company, openedAt: NOW - age }) };
  return { kind: 'visitor', key: guid, visitor, left: null, cameAt: 0, matches: true, text: null };
}

const lines = [
  line('a', null),
  line('b', lumen, 50),
  line('c', varga),
  line('d', varga, 70),
  line('e', null),
];

function keys(byVisitors: -1 | 0 | 1, ...unfolded: string[]): string[] {
  return groupByCompany(lines, { byVisitors, unfolded: new Set(unfolded) }).map(({ key }) => key);
}

it('sorts companies by their first visitors, unknown companies last', () => {
  expect(keys(0)).toEqual(['company l', 'company v', 'company none']);
});

it('sorts companies by their number of visitors', () => {
  expect(keys(-1)).toEqual(['company v', 'company l', 'company none']);
  expect(keys(1)).toEqual(['company l', 'company v', 'company none']);
});

it('shows the visitors of expanded companies', () => {
  expect(keys(0, 'v', 'none')).toEqual(['company l', 'company v', 'c', 'd', 'company none', 'a', 'e']);
});

it('counts visitors and finds the earliest session of each company', () => {
  const [, second] = groupByCompany(lines, { byVisitors: 0, unfolded: new Set() });
  expect(second).toMatchObject({ company: varga, visitors: 2, openedAt: NOW - 70, unfolded: false });
});

it('does not count visitors who have left', () => {
  const gone = { ...line('b', lumen), left: { reason: 'closed', at: 0 } };
  expect(groupByCompany([gone], { byVisitors: 0, unfolded: new Set() })).toMatchObject([{ visitors: 0 }]);
});
