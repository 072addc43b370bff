import { beforeEach, describe, expect, it } from 'vitest';
import type { Row } from '../feed/change';
import type { Session } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { LAYOUT_INTERVAL, LINGER, Listing } from './listing';
import { planOf } from './plan';
import { EVERYTHING, type Query } from '../address/query';

let listing: Listing;
let elapsed: number;
const rows = new Map<string, Row>();

beforeEach(() => {
  listing = new Listing();
  elapsed = 10_000;
  rows.clear();
});

function come(guid: string, session: Partial<Session> = {}): void {
  const row = { guid, session: aSession({ guid, ...session }) };
  rows.set(guid, row);
  listing.note({ kind: 'came', row, how: 'come' }, elapsed, NOW);
}

function become(guid: string, session: Partial<Session>): void {
  const row = known(guid);
  const before = row.session;
  row.session = { ...before, ...session };
  listing.note({ kind: 'changed', row, before }, elapsed, NOW);
}

function touch(guid: string, lastActivityAt: number): void {
  const row = known(guid);
  row.session = { ...row.session, lastActivityAt };
  listing.note({ kind: 'touched', row }, elapsed, NOW);
}

function leave(guid: string): void {
  listing.note({ kind: 'left', row: known(guid), why: 'closed' }, elapsed, NOW);
}

function hide(guid: string): void {
  listing.note({ kind: 'left', row: known(guid), why: 'hidden' }, elapsed, NOW);
}

function known(guid: string): Row {
  const row = rows.get(guid);
  if (!row) throw new Error(`${guid} is not there`);
  return row;
}

function follow(query: Partial<Query>): void {
  listing.follow(
    planOf({ ...EVERYTHING, ...query }, () => false),
    NOW,
  );
}

/** The keys of the lines as they are laid out after so many milliseconds; those who have left with a minus. */
function after(milliseconds: number, now = NOW): string[] {
  elapsed += milliseconds;
  listing.settle(elapsed, now);
  return listing.lines.map((line) => (line.kind === 'visitor' && line.left ? `-${line.key}` : line.key));
}

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };

describe('lines', () => {
  it('come, move and go', () => {
    come('a', { openedAt: NOW - 20 });
    come('b', { openedAt: NOW - 10 });
    expect(after(0)).toEqual(['b', 'a']);
    become('a', { openedAt: NOW });
    expect(after(LAYOUT_INTERVAL)).toEqual(['a', 'b']);
    leave('b');
    expect(after(LAYOUT_INTERVAL)).toEqual(['a', '-b']);
    expect(listing.shown).toBe(1);
    expect(after(LINGER)).toEqual(['a']);
  });

  it('are the same array while visitors are only touched', () => {
    come('a');
    after(0);
    const before = listing.lines;
    touch('a', NOW);
    after(1_000);
    expect(listing.lines).toBe(before);
  });

  it('move when touched where that is the order', () => {
    follow({ sort: { by: 'active', descending: false } });
    come('a', { lastActivityAt: NOW - 5 });
    come('b', { lastActivityAt: NOW - 9 });
    expect(after(0)).toEqual(['a', 'b']);
    touch('b', NOW);
    expect(after(LAYOUT_INTERVAL)).toEqual(['b', 'a']);
  });

  it('are laid out ten times a second at most, and say when they want to be', () => {
    come('a');
    after(0);
    come('b');
    elapsed += 30;
    expect(listing.settle(elapsed, NOW)).toBe(LAYOUT_INTERVAL - 30);
    expect(after(0)).toEqual(['a']);
    expect(after(LAYOUT_INTERVAL - 30)).toEqual(['a', 'b']);
    expect(listing.settle(elapsed, NOW)).toBeNull();
  });

  it('of hidden visitors go at once, even while the order is held', () => {
    come('a');
    come('b');
    after(0);
    hide('a');
    expect(after(0)).toEqual(['b']);
    listing.hold(true);
    hide('b');
    expect(after(0)).toEqual([]);
  });

  it('take over a visitor who comes back', () => {
    come('a');
    after(0);
    leave('a');
    after(LAYOUT_INTERVAL);
    come('a', { ip: '192.0.2.1' });
    expect(after(LAYOUT_INTERVAL)).toEqual(['a']);
    expect(after(LINGER)).toEqual(['a']);
    leave('a');
    expect(after(LAYOUT_INTERVAL)).toEqual(['-a']);
    expect(after(LINGER)).toEqual([]);
  });
});

describe('a plan', () => {
  it('is followed at once', () => {
    come('a', { company: lumen });
    come('b');
    after(0);
    follow({ known: 'identified' });
    expect(after(0)).toEqual(['a']);
    follow({ sort: { by: 'opened', descending: true } });
    expect(after(0)).toEqual(['b', 'a']);
    follow({ grouped: true, unfolded: new Set(['l']) });
    expect(after(0)).toEqual(['company l', 'a', 'company none']);
    expect(listing.shown).toBe(2);
  });

  it('lets in who comes to match, and out who no longer does', () => {
    follow({ known: 'unidentified' });
    come('a');
    expect(after(0)).toEqual(['a']);
    become('a', { company: lumen });
    expect(after(LAYOUT_INTERVAL)).toEqual([]);
  });

  it('by age lets visitors in as they age', () => {
    follow({ age: 'over1m' });
    come('a', { openedAt: NOW - 59_000 });
    expect(after(0)).toEqual([]);
    expect(after(1_000, NOW + 1_000)).toEqual(['a']);
  });

  it('is what an export holds, without those who have left', () => {
    follow({ grouped: true, search: '203' });
    come('a', { openedAt: NOW - 1 });
    come('b', { openedAt: NOW - 2 });
    come('c', { ip: '192.0.2.1' });
    leave('b');
    after(0);
    expect(listing.visitors().map(({ guid }) => guid)).toEqual(['a']);
  });
});

describe('while the order is held', () => {
  beforeEach(() => {
    come('a', { openedAt: NOW - 20 });
    come('b', { openedAt: NOW - 10 });
    after(0);
    listing.hold(true);
  });

  it('nothing moves, who leaves is marked, and what waits is counted', () => {
    come('c', { openedAt: NOW });
    leave('a');
    expect(after(10 * LINGER)).toEqual(['b', '-a']);
    expect(listing.waiting).toEqual({ came: 1, left: 1 });
    listing.hold(false);
    expect(after(0)).toEqual(['c', 'b']);
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
  });

  it('who comes and goes unseen is neither', () => {
    come('c');
    leave('c');
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
  });

  it('who leaves and comes back has not left', () => {
    leave('a');
    come('a');
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
    expect(after(LINGER)).toEqual(['b', 'a']);
  });

  it('what waits can be let in', () => {
    come('c', { openedAt: NOW });
    listing.layOutNext();
    expect(after(0)).toEqual(['c', 'b', 'a']);
    come('d', { openedAt: NOW + 1 });
    expect(after(1_000)).toEqual(['c', 'b', 'a']);
  });

  it('another plan is followed all the same', () => {
    come('c', { openedAt: NOW });
    follow({ sort: { by: 'opened', descending: true } });
    expect(after(0)).toEqual(['a', 'b', 'c']);
    come('d');
    expect(after(1_000)).toEqual(['a', 'b', 'c']);
  });

  it('whom the plan hides does not wait', () => {
    follow({ known: 'identified' });
    after(0);
    come('c');
    expect(listing.waiting.came).toBe(0);
    become('c', { company: lumen });
    expect(listing.waiting.came).toBe(1);
  });
});
