import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_QUERY, type Query } from '../address/query';
import type { Visitor } from '../feed/change';
import type { Session } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { BUSY_LAYOUT_INTERVAL, LAYOUT_INTERVAL, LINGER_TIME, Listing } from './listing';
import { makePlan } from './plan';

let listing: Listing;
let elapsed: number;
const visitors = new Map<string, Visitor>();

beforeEach(() => {
  listing = new Listing();
  elapsed = 10_000;
  visitors.clear();
});

function come(guid: string, session: Partial<Session> = {}): void {
  const visitor = { guid, session: aSession({ guid, ...session }) };
  visitors.set(guid, visitor);
  listing.apply({ kind: 'came', visitor, arrival: 'live' }, elapsed, NOW);
}

function become(guid: string, session: Partial<Session>): void {
  const visitor = known(guid);
  const before = visitor.session;
  visitor.session = { ...before, ...session };
  listing.apply({ kind: 'changed', visitor, before }, elapsed, NOW);
}

function touch(guid: string, lastActivityAt: number): void {
  const visitor = known(guid);
  visitor.session = { ...visitor.session, lastActivityAt };
  listing.apply({ kind: 'touched', visitor }, elapsed, NOW);
}

function leave(guid: string): void {
  listing.apply({ kind: 'left', visitor: known(guid), reason: 'closed' }, elapsed, NOW);
}

function hide(guid: string): void {
  listing.apply({ kind: 'left', visitor: known(guid), reason: 'hidden' }, elapsed, NOW);
}

function known(guid: string): Visitor {
  const visitor = visitors.get(guid);
  if (!visitor) throw new Error(`${guid} is not there`);
  return visitor;
}

function setPlan(query: Partial<Query>): void {
  listing.setPlan(
    makePlan({ ...DEFAULT_QUERY, ...query }, () => false),
    NOW,
  );
}

/** The keys of the lines as they are laid out after this many milliseconds; those who have left have a minus. */
function after(milliseconds: number, now = NOW): string[] {
  elapsed += milliseconds;
  listing.update(elapsed, now);
  return listing.lines.map((line) => (line.kind === 'visitor' && line.left ? `-${line.key}` : line.key));
}

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };

describe('lines', () => {
  it('are added, moved and removed', () => {
    come('a', { openedAt: NOW - 20 });
    come('b', { openedAt: NOW - 10 });
    expect(after(0)).toEqual(['b', 'a']);
    become('a', { openedAt: NOW });
    expect(after(LAYOUT_INTERVAL)).toEqual(['a', 'b']);
    leave('b');
    expect(after(LAYOUT_INTERVAL)).toEqual(['a', '-b']);
    expect(listing.shown).toBe(1);
    expect(after(LINGER_TIME)).toEqual(['a']);
  });

  it('stay the same array while visitors are only touched', () => {
    come('a');
    after(0);
    const before = listing.lines;
    touch('a', NOW);
    after(1_000);
    expect(listing.lines).toBe(before);
  });

  it('move when touched if the order is by last activity', () => {
    setPlan({ sort: { by: 'active', descending: false } });
    come('a', { lastActivityAt: NOW - 5 });
    come('b', { lastActivityAt: NOW - 9 });
    expect(after(0)).toEqual(['a', 'b']);
    touch('b', NOW);
    expect(after(LAYOUT_INTERVAL)).toEqual(['b', 'a']);
  });

  it('are laid out at most ten times a second, and report when that is due', () => {
    come('a');
    after(0);
    come('b');
    elapsed += 30;
    expect(listing.update(elapsed, NOW)).toBe(LAYOUT_INTERVAL - 30);
    expect(after(0)).toEqual(['a']);
    expect(after(LAYOUT_INTERVAL - 30)).toEqual(['a', 'b']);
    expect(listing.update(elapsed, NOW)).toBeNull();
  });

  it('of hidden visitors are removed at once, even while the order is held', () => {
    come('a');
    come('b');
    after(0);
    hide('a');
    expect(after(0)).toEqual(['b']);
    listing.hold(true, elapsed);
    hide('b');
    expect(after(0)).toEqual([]);
  });

  it('are reused for a visitor who returns', () => {
    come('a');
    after(0);
    leave('a');
    after(LAYOUT_INTERVAL);
    come('a', { ip: '192.0.2.1' });
    expect(after(LAYOUT_INTERVAL)).toEqual(['a']);
    expect(after(LINGER_TIME)).toEqual(['a']);
    leave('a');
    expect(after(LAYOUT_INTERVAL)).toEqual(['-a']);
    expect(after(LINGER_TIME)).toEqual([]);
  });
});

describe('a plan', () => {
  it('takes effect at once', () => {
    come('a', { company: lumen });
    come('b');
    after(0);
    setPlan({ known: 'identified' });
    expect(after(0)).toEqual(['a']);
    setPlan({ sort: { by: 'opened', descending: true } });
    expect(after(0)).toEqual(['b', 'a']);
    setPlan({ grouped: true, unfolded: new Set(['l']) });
    expect(after(0)).toEqual(['company l', 'a', 'company none']);
    expect(listing.shown).toBe(2);
  });

  it('adds visitors who start to match, and removes those who no longer do', () => {
    setPlan({ known: 'unidentified' });
    come('a');
    expect(after(0)).toEqual(['a']);
    become('a', { company: lumen });
    expect(after(LAYOUT_INTERVAL)).toEqual([]);
  });

  it('with a filter by time on site adds visitors as time passes', () => {
    setPlan({ age: 'over1m' });
    come('a', { openedAt: NOW - 59_000 });
    expect(after(0)).toEqual([]);
    expect(after(1_000, NOW + 1_000)).toEqual(['a']);
  });

  it('determines the exported visitors, without those who have left', () => {
    setPlan({ grouped: true, search: '203' });
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
    listing.hold(true, elapsed);
  });

  it('nothing moves, departures are marked, and changes are counted', () => {
    come('c', { openedAt: NOW });
    leave('a');
    expect(after(10 * LINGER_TIME)).toEqual(['b', '-a']);
    expect(listing.waiting).toEqual({ came: 1, left: 1 });
    listing.hold(false, elapsed);
    expect(after(0)).toEqual(['c', 'b']);
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
  });

  it('a visitor who arrives and leaves is not counted', () => {
    come('c');
    leave('c');
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
  });

  it('a visitor who leaves and returns is not counted', () => {
    leave('a');
    come('a');
    expect(listing.waiting).toEqual({ came: 0, left: 0 });
    expect(after(LINGER_TIME)).toEqual(['b', 'a']);
  });

  it('waiting changes can be shown', () => {
    come('c', { openedAt: NOW });
    listing.requestLayout();
    expect(after(0)).toEqual(['c', 'b', 'a']);
    come('d', { openedAt: NOW + 1 });
    expect(after(1_000)).toEqual(['c', 'b', 'a']);
  });

  it('another plan takes effect all the same', () => {
    come('c', { openedAt: NOW });
    setPlan({ sort: { by: 'opened', descending: true } });
    expect(after(0)).toEqual(['a', 'b', 'c']);
    come('d');
    expect(after(1_000)).toEqual(['a', 'b', 'c']);
  });

  it('visitors who do not match are not counted', () => {
    setPlan({ known: 'identified' });
    after(0);
    come('c');
    expect(listing.waiting.came).toBe(0);
    become('c', { company: lumen });
    expect(listing.waiting.came).toBe(1);
  });
});

describe('while forty visitors a second arrive', () => {
  /** Lets visitors arrive for this many milliseconds, and lays out after each. */
  function arrive(milliseconds: number): void {
    for (const end = elapsed + milliseconds; elapsed < end; after(25)) {
      come(`guid-${elapsed}`, { openedAt: NOW + elapsed });
    }
  }

  it('the order is held, and they are counted', () => {
    arrive(3_000);
    expect(listing.heldBy).toBe('arrivals');
    const before = listing.lines;
    const { came } = listing.waiting;
    arrive(1_000);
    expect(listing.lines).toBe(before);
    expect(listing.waiting.came).toBe(came + 40);
  });

  it('they are let in by the reader, or after a while', () => {
    arrive(3_000);
    listing.requestLayout();
    expect(after(0)).toHaveLength(120);
    expect(listing.waiting.came).toBe(0);
    arrive(BUSY_LAYOUT_INTERVAL - 100);
    expect(listing.lines).toHaveLength(120);
    arrive(1_000);
    expect(listing.lines.length).toBeGreaterThan(120);
  });

  it('the order is released once few arrive', () => {
    arrive(3_000);
    come('last', { openedAt: NOW + elapsed });
    expect(after(10_000)[0]).toBe('last');
    expect(listing.heldBy).toBeNull();
  });

  it('the reader’s hold comes first', () => {
    arrive(3_000);
    listing.hold(true, elapsed);
    expect(listing.heldBy).toBe('reader');
    arrive(2 * BUSY_LAYOUT_INTERVAL);
    const { came } = listing.waiting;
    expect(came).toBeGreaterThan(700);
    listing.hold(false, elapsed);
    after(0);
    expect(listing.heldBy).toBe('arrivals');
    expect(listing.waiting.came).toBe(0);
  });
});

it('does not count visitors of the first snapshot as arrivals', () => {
  for (let n = 0; n < 1_000; n += 1) {
    const visitor = { guid: `${n}`, session: aSession({ guid: `${n}` }) };
    listing.apply({ kind: 'came', visitor, arrival: 'initial' }, elapsed, NOW);
  }
  after(0);
  expect(listing.heldBy).toBeNull();
});
