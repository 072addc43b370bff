/**
 * What a delta costs the table: `npx vitest bench --run`. For comparison, what it would cost to sort all rows anew, and
 * to let TanStack Table do it, whose row models start from all rows.
 */
import {
  createTable,
  getCoreRowModel,
  getFilteredRowModel,
  getSortedRowModel,
  type TableOptionsResolved,
} from '@tanstack/table-core';
import { bench, describe } from 'vitest';
import type { Row } from '../feed/change';
import { aSession, NOW } from '../testing/samples';
import { compareBy } from './compare';
import { LAYOUT_INTERVAL, Listing } from './listing';
import { planOf } from './plan';
import { EVERYTHING, type Query } from '../address/query';

const VISITORS = 10_000;
/** Of 5,000 changes a second, those of one of ten layouts. */
const CHANGES = 500;

const rows = Array.from({ length: VISITORS }, (_, number): Row => {
  const company = {
    guid: `c${number % 2_500}`,
    name: `Company ${(number * 7_919) % 2_500}`,
    domain: 'a.example',
  };
  const session = aSession({ guid: `g${number}`, openedAt: NOW - ((number * 37) % VISITORS), company });
  return { guid: session.guid, session };
});

/** A listing with all visitors, and what lets the next changes come and lays it out. */
function listed(query: Partial<Query>): () => void {
  const listing = new Listing();
  listing.follow(
    planOf({ ...EVERYTHING, ...query }, () => false),
    NOW,
  );
  for (const row of rows) listing.note({ kind: 'came', row, how: 'there' }, 0, NOW);
  let elapsed = 0;
  let next = 0;
  return () => {
    for (let left = CHANGES; left > 0; left -= 1) {
      const row = rows[(next += 1) % VISITORS];
      if (!row) continue;
      const before = row.session;
      row.session = { ...before, openedAt: NOW + next };
      listing.note({ kind: 'changed', row, before }, elapsed, NOW);
    }
    elapsed += LAYOUT_INTERVAL;
    listing.settle(elapsed, NOW);
  };
}

/** The same by TanStack Table, with a search. */
function tabled(): () => void {
  const options: TableOptionsResolved<Row> = {
    data: rows,
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
    table.setOptions((before) => ({ ...before, data: [...rows] }));
    table.getSortedRowModel();
  };
}

describe(`${VISITORS} visitors, of whom ${CHANGES} have changed their place`, () => {
  bench('listed newest first', listed({}));
  bench('listed by company', listed({ sort: { by: 'company', descending: false } }));
  bench('grouped by company', listed({ grouped: true }));
  bench('sorted anew, by company', () => {
    rows.map(({ session }) => session).sort(compareBy({ by: 'company', descending: false }));
  });
  bench('newest first by TanStack Table', tabled());
});
