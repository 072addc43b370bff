import { beforeEach, expect, it } from 'vitest';
import type { Company } from '../feed/frame';
import { aSession } from '../testing/samples';
import { Companies } from './companies';

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
  for (const company of all) companies.apply({ kind: 'came', visitor: from(company), arrival: 'live' });
}

function ranking(): [string, number][] {
  companies.updateRanking();
  return companies.ranking.map(({ company, visitors }) => [company.name, visitors]);
}

it('are sorted by number of visitors, then by name', () => {
  come(varga, null, lumen);
  expect(ranking()).toEqual([
    ['Lumen & Sons', 1],
    ['Varga Optics', 1],
  ]);
  come(varga);
  expect(ranking()[0]).toEqual(['Varga Optics', 2]);
});

it('are removed with their last visitor', () => {
  come(lumen, lumen);
  companies.apply({ kind: 'left', visitor: from(lumen), reason: 'closed' });
  expect(companies.find('l')?.visitors).toBe(1);
  companies.apply({ kind: 'left', visitor: from(lumen), reason: 'stale' });
  expect(companies.find('l')).toBeNull();
  expect(ranking()).toEqual([]);
});

it('count visitors who are identified later', () => {
  come(null);
  companies.apply({ kind: 'changed', visitor: from(lumen), before: aSession() });
  expect(ranking()).toEqual([['Lumen & Sons', 1]]);
  companies.apply({ kind: 'changed', visitor: from(lumen), before: aSession({ company: lumen }) });
  expect(ranking()).toEqual([['Lumen & Sons', 1]]);
});

it('keep their ranking until it is updated, and the same array while nothing changes', () => {
  come(lumen);
  companies.updateRanking();
  const before = companies.ranking;
  companies.updateRanking();
  expect(companies.ranking).toBe(before);
  come(varga);
  expect(companies.ranking).toBe(before);
});
