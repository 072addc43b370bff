/**
 * What a delta costs the table (`npx vitest bench --run`), compared with sorting all visitors again, and with
 * TanStack Table, whose row models start from all rows.
 */
import {
  createTable,
  getCoreRowModel,
  getFilteredRowModel,
  getSortedRowModel,
  type TableOptionsResolved,
} from '@tanstack/table-core';
import { bench, describe } from 'vitest';
import { DEFAULT_QUERY, type Query } from '../address/query';
import type { Visitor } from '../feed/change';
import { aSession, NOW } from '../testing/samples';
import { compareBy } from './compare';
import { LAYOUT_INTERVAL, Listing } from './listing';
import { makePlan } from './plan';

const VISITORS = 10_000;
/** One layout's share of 5,000 changes a second. */
const CHANGES = 500;

const visitors = Array.from({ length: VISITORS }, (_, number): Visitor => {
  const company = {
    guid: `c${number % 2_500}`,
    name: `Company ${(number * 7_919) % 2_500}`,
    domain: 'a.example',
  };
  const session = aSession({ guid: `g${number}`, openedAt: NOW - ((number * 37) % VISITORS), company });
  return { guid: session.guid, session };
});

/** Fills a listing, and returns a function that applies the next changes and updates it. */
function listed(query: Partial<Query>): () => void {
  const listing = new Listing();
  listing.setPlan(
    makePlan({ ...DEFAULT_QUERY, ...query }, () => false),
    NOW,
  );
  for (const visitor of visitors) listing.apply({ kind: 'came', visitor, arrival: 'initial' }, 0, NOW);
  let elapsed = 0;
  let next = 0;
  return () => {
    for (let left = CHANGES; left > 0; left -= 1) {
      const visitor = visitors[(next += 1) % VISITORS];
      if (!visitor) continue;
      const before = visitor.session;
      visitor.session = { ...before, openedAt: NOW + next };
      listing.apply({ kind: 'changed', visitor, before }, elapsed, NOW);
    }
    elapsed += LAYOUT_INTERVAL;
    listing.update(elapsed, NOW);
  };
}

/** The same with TanStack Table, and a search. */
function tabled(): () => void {
  const options: TableOptionsResolved<Visitor> = {
    data: visitors,
    columns: [
      { id: 'company', accessorFn: ({ session }) => session.company?.name },
      { id: 'opened', accessorFn: ({ session }) => session.openedAt },
    ],
    state: { sorting: [{ id: 'opened', desc: true }], globalFilter: 'company', columnPinning: {} },
    globalFilterFn: 'includesString',
    getRowId: ({ guid }) => guid,
    getCoreRowModel: getCoreRowModel(),
    getFilteredRowModel: getFilteredRowModel(),
    getSortedRowModel: getSortedRowModel(),
    onStateChange: () => undefined,
    renderFallbackValue: null,
  };
  const table = createTable(options);
  return () => {
    table.setOptions((before) => ({ ...before, data: [...visitors] }));
    table.getSortedRowModel();
  };
}

describe(`${VISITORS} visitors, of whom ${CHANGES} have changed their place`, () => {
  bench('listed newest first', listed({}));
  bench('listed by company', listed({ sort: { by: 'company', descending: false } }));
  bench('grouped by company', listed({ grouped: true }));
  bench('sorted anew, by company', () => {
    visitors.map(({ session }) => session).sort(compareBy({ by: 'company', descending: false }));
  });
  bench('newest first by TanStack Table', tabled());
});
