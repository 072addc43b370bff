// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Lookups } from '../feed/status';
import { aDelta, aPipeline, aSnapshot, NOW, someLookups } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { formatSince } from '../shared/format';
import { LookupCosts } from './LookupCosts';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

function shown(): (string | null)[] {
  return screen.getAllByRole('definition').map((definition) => definition.textContent);
}

function show(lookups: Partial<Lookups>): void {
  page.receive(aSnapshot({ pipeline: aPipeline({ lookups: someLookups(lookups) }) }));
  page.render(<LookupCosts />);
}

it('shows what was spent, and what saved calls', () => {
  show({ paid: 1_210, savedByCache: 3_000, savedByFleet: 500, savedBySharing: 130, spent: 12.1 });
  expect(shown()).toEqual(['12.10', '75% answered from cache']);
});

it('names the currency, if the operator does', () => {
  const pipeline = aPipeline({ currency: 'EUR', lookups: someLookups({ spent: 1_234.5 }) });
  page.receive(aSnapshot({ pipeline }));
  page.render(<LookupCosts />);
  expect(shown()[0]).toBe('€1,234.50');
});

it('shows no share without calls', () => {
  show({});
  expect(shown()).toEqual(['0.00', 'No lookups yet']);
});

it('keeps the last status of the pipeline, which is not in every frame', () => {
  show({ spent: 1 });
  page.receive(aDelta({ revision: 2 }));
  expect(shown()[0]).toBe('1.00');
  page.receive(aDelta({ revision: 3, pipeline: aPipeline({ lookups: someLookups({ spent: 2 }) }) }));
  expect(shown()[0]).toBe('2.00');
});

it('says since when it counts', () => {
  const since = NOW - 2 * 86_400_000;
  page.receive(aSnapshot({ pipeline: aPipeline({ lookupsSince: since }) }));
  page.render(<LookupCosts />);
  expect(screen.getByRole('term').textContent).toBe(`Spent on lookups since ${formatSince(since, NOW)}`);
});

it('says nothing of a time that is not known', () => {
  show({});
  expect(screen.getByRole('term').textContent).toBe('Spent on lookups');
});
