import { beforeEach, describe, expect, it } from 'vitest';
import { aDelta, aPipeline, aSession, aSnapshot, NOW, someStats } from '../testing/samples';
import type { Change, Row } from './change';
import { REMEMBERED } from './closings';
import type { Snapshot } from './frame';
import { View } from './view';

let view: View;
/** What was told of the changes, and the rows that these add up to. */
let told: string[];
let rows: Map<string, Row>;

beforeEach(() => {
  told = [];
  rows = new Map();
  view = new View((change) => {
    told.push(`${change.row.guid} ${describeChange(change)}`);
    if (change.kind === 'left') rows.delete(change.row.guid);
    else rows.set(change.row.guid, change.row);
  });
});

function describeChange(change: Change): string {
  if (change.kind === 'came') return `came: ${change.how}`;
  return change.kind === 'left' ? `left: ${change.why}` : change.kind;
}

function guids(): string[] {
  return [...rows.keys()].sort();
}

describe('revisions', () => {
  it('start with a snapshot', () => {
    expect(view.apply(aDelta({ changed: [aSession()] }))).toBe('ignored');
    expect(view.apply(aSnapshot())).toBe('applied');
    expect(guids()).toEqual([]);
  });

  it('go on one by one', () => {
    view.apply(aSnapshot({ revision: 7 }));
    expect(view.apply(aDelta({ revision: 8 }))).toBe('applied');
    expect(view.apply(aDelta({ revision: 9 }))).toBe('applied');
  });

  it('show a gap once, and wait for the snapshot', () => {
    view.apply(aSnapshot({ revision: 1 }));
    expect(view.apply(aDelta({ revision: 3, changed: [aSession()] }))).toBe('gap');
    expect(view.apply(aDelta({ revision: 4, changed: [aSession()] }))).toBe('ignored');
    expect(guids()).toEqual([]);
    expect(view.apply(aSnapshot({ revision: 5, sessions: [aSession({ guid: 'b' })] }))).toBe('applied');
    expect(view.apply(aDelta({ revision: 6 }))).toBe('applied');
    expect(guids()).toEqual(['b']);
  });

  it('ignore deltas that the snapshot held already', () => {
    view.apply(aSnapshot({ revision: 5 }));
    expect(view.apply(aDelta({ revision: 5, changed: [aSession()] }))).toBe('ignored');
    expect(view.apply(aDelta({ revision: 6 }))).toBe('applied');
    expect(guids()).toEqual([]);
  });

  it('start anew with a new connection, while the view stays', () => {
    view.apply(aSnapshot({ revision: 5, sessions: [aSession()] }));
    view.expectSnapshot();
    expect(view.apply(aDelta({ revision: 6 }))).toBe('ignored');
    expect(guids()).toEqual(['a']);
    expect(view.apply(aSnapshot({ revision: 1 }))).toBe('applied');
    expect(guids()).toEqual([]);
  });
});

describe('changes', () => {
  it('are told one by one', () => {
    view.apply(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b' })] }));
    view.apply(
      aDelta({
        changed: [aSession({ guid: 'a', openedAt: NOW - 9 }), aSession({ guid: 'c' })],
        touched: [
          ['b', NOW],
          ['unheard-of', NOW],
        ],
        removed: [
          ['b', 'stale'],
          ['unheard-of', 'closed'],
        ],
      }),
    );
    expect(told).toEqual([
      'a came: there',
      'b came: there',
      'a changed',
      'c came: come',
      'b touched',
      'b left: stale',
    ]);
  });

  it('of a snapshot after an interruption are those that it hid', () => {
    const staying = aSession({ guid: 'stays' });
    const older = aSession({ guid: 'older' });
    view.apply(aSnapshot({ sessions: [staying, older, aSession({ guid: 'goes' })] }));
    view.expectSnapshot();
    told.length = 0;
    const sessions = [staying, { ...older, lastActivityAt: NOW }, aSession({ guid: 'comes' })];
    view.apply(aSnapshot({ sessions }));
    expect(told).toEqual(['goes left: away', 'older changed', 'comes came: away']);
  });

  it('keep the row, and replace the session in it', () => {
    view.apply(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b' })] }));
    const before = view.row('a');
    const sessions = [view.row('a')?.session, view.row('b')?.session];
    view.apply(aDelta({ touched: [['a', NOW]] }));
    expect(view.row('a')).toBe(before);
    expect(view.row('a')?.session).toEqual({ ...sessions[0], lastActivityAt: NOW });
    expect(view.row('a')?.session).not.toBe(sessions[0]);
    expect(view.row('b')?.session).toBe(sessions[1]);
  });

  it('add up to what the frames say, after any number of them', () => {
    view.apply(aSnapshot());
    const expected = new Map<string, number>();
    const closed = new Set<string>();
    let state = 1;
    const below = (limit: number) => (state = (state * 48_271) % 2_147_483_647) % limit;
    for (let revision = 2; revision < 2_000; revision += 1) {
      const changed = Array.from({ length: below(4) }, () =>
        aSession({ guid: `g${below(300)}`, openedAt: below(50) }),
      ).filter(({ guid }) => !closed.has(guid));
      const removed = Array.from({ length: below(4) }, (): [string, string] => [
        `g${below(300)}`,
        below(20) === 0 ? 'closed' : 'stale',
      ]);
      view.apply(aDelta({ revision, changed, removed }));
      for (const { guid, openedAt } of changed) expected.set(guid, openedAt);
      for (const [guid, why] of removed) {
        expected.delete(guid);
        if (why === 'closed') closed.add(guid);
      }
    }
    expect(new Map([...rows].map(([guid, { session }]) => [guid, session.openedAt]))).toEqual(expected);
    expect(expected.size).toBeGreaterThan(10);
    expect(closed.size).toBeGreaterThan(10);
  });
});

describe('a gateway that is behind', () => {
  /** The page sees `a` leave, and moves to a gateway that still has it. */
  function moveAfter(why: string, snapshot: Partial<Snapshot> = {}): void {
    view.apply(aSnapshot({ sessions: [aSession()] }));
    view.apply(aDelta({ removed: [['a', why]] }));
    view.expectSnapshot();
    told.length = 0;
    view.apply(aSnapshot({ sessions: [aSession(), aSession({ guid: 'b' })], ...snapshot }));
  }

  it('does not bring back who has closed, until it says so itself and after', () => {
    const stats = someStats({ activeSessions: 2 });
    moveAfter('closed', { stats });
    view.apply(aDelta({ revision: 2, changed: [aSession({ openedAt: NOW })], touched: [['a', NOW]] }));
    view.apply(aDelta({ revision: 3, stats, removed: [['a', 'closed']] }));
    view.apply(aDelta({ revision: 4, stats, changed: [aSession()] }));
    expect(told).toEqual(['b came: away']);
    expect(view.row('a')).toBeNull();
    expect(view.stats).toEqual(stats);
  });

  it('does not bring back who has closed before the page had them', () => {
    view.apply(aSnapshot());
    view.apply(aDelta({ removed: [['a', 'closed']] }));
    view.expectSnapshot();
    view.apply(aSnapshot({ sessions: [aSession()] }));
    expect(told).toEqual([]);
  });

  it('does not bring back who was hidden', () => {
    moveAfter('hidden', {});
    view.apply(aDelta({ revision: 2, changed: [aSession({ openedAt: NOW })], touched: [['a', NOW]] }));
    expect(view.row('a')).toBeNull();
  });

  it('brings back who had only gone stale', () => {
    moveAfter('stale');
    expect(told).toEqual(['a came: away', 'b came: away']);
  });

  it('is believed again after ten minutes', () => {
    moveAfter('closed', { now: NOW + REMEMBERED - 1 });
    expect(guids()).toEqual(['b']);
    view.apply(aSnapshot({ now: NOW + REMEMBERED, sessions: [aSession()] }));
    expect(guids()).toEqual(['a']);
  });
});

describe('figures and pipeline', () => {
  it('come with every frame, the pipeline only with some', () => {
    const process = { process: 'gateway', instance: 'i', at: 1, startedAt: 1, ready: true, reason: null };
    const pipeline = aPipeline({ processes: [process] });
    view.apply(aSnapshot({ pipeline }));
    const stats = someStats({ activeSessions: 4 });
    view.apply(aDelta({ now: NOW + 50, stats }));
    expect(view.stats).toEqual(stats);
    expect(view.statsAt).toBe(NOW + 50);
    expect(view.pipeline).toEqual(pipeline);
    view.apply(aDelta({ revision: 3, pipeline: aPipeline() }));
    expect(view.pipeline).toEqual(aPipeline());
  });

  it('are of the time at which the gateway was cut off', () => {
    const interruptions = [{ part: 'streams', since: NOW }];
    view.apply(aSnapshot({ pipeline: aPipeline({ interruptions }) }));
    expect(view.isInterrupted).toBe(true);
    view.apply(aDelta({ now: NOW + 9_000, stats: someStats({ asOf: NOW }), pipeline: aPipeline() }));
    expect(view).toMatchObject({ isInterrupted: true, statsAt: NOW, frameAt: NOW + 9_000 });
    view.apply(aDelta({ revision: 3, now: NOW + 10_000 }));
    expect(view).toMatchObject({ isInterrupted: false, statsAt: NOW + 10_000 });
  });
});
