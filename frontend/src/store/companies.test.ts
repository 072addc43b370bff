import { beforeEach, expect, it } from 'vitest';
import { aSession } from '../testing/samples';
import { Companies } from './companies';
import type { Company } from '../feed/frame';

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };
const varga = { guid: 'v', name: 'Varga Optics', domain: 'varga.example' };

let companies: Companies;

beforeEach(() => {
  companies = new Companies();
});

function from(company: Company | null) {
  return { guid: 'a', session: aSession({ company }) };
}

function come(...all: (Company | null)[]): void {
  for (const company of all) companies.note({ kind: 'came', row: from(company), how: 'come' });
}

function ranking(): [string, number][] {
  companies.rank();
  return companies.ranking.map(({ company, visitors }) => [company.name, visitors]);
}

it('are ranked by their visitors, then by name', () => {
  come(varga, null, lumen);
  expect(ranking()).toEqual([
    ['Lumen & Sons', 1],
    ['Varga Optics', 1],
  ]);
  come(varga);
  expect(ranking()[0]).toEqual(['Varga Optics', 2]);
});

it('lose those who leave, and are gone with the last', () => {
  come(lumen, lumen);
  companies.note({ kind: 'left', row: from(lumen), why: 'closed' });
  expect(companies.find('l')?.visitors).toBe(1);
  companies.note({ kind: 'left', row: from(lumen), why: 'stale' });
  expect(companies.find('l')).toBeNull();
  expect(ranking()).toEqual([]);
});

it('gain those who are identified', () => {
  come(null);
  companies.note({ kind: 'changed', row: from(lumen), before: aSession() });
  expect(ranking()).toEqual([['Lumen & Sons', 1]]);
  companies.note({ kind: 'changed', row: from(lumen), before: aSession({ company: lumen }) });
  expect(ranking()).toEqual([['Lumen & Sons', 1]]);
});

it('keep their ranking until they are ranked again, the same while nothing changes', () => {
  come(lumen);
  companies.rank();
  const before = companies.ranking;
  companies.rank();
  expect(companies.ranking).toBe(before);
  come(varga);
  expect(companies.ranking).toBe(before);
});
