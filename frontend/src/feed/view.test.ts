import { beforeEach, describe, expect, it } from 'vitest';
import { aDelta, aPipeline, aSession, aSnapshot, aSnapshotPart, NOW, someStats } from '../testing/samples';
import type { Change, Visitor } from './change';
import { RETENTION } from './closings';
import type { Snapshot } from './frame';
import { View } from './view';

let view: View;
/** The reported changes, and the visitors that result from them. */
let changes: string[];
let visitors: Map<string, Visitor>;

beforeEach(() => {
  changes = [];
  visitors = new Map();
  view = new View((change) => {
    changes.push(`${change.visitor.guid} ${describeChange(change)}`);
    if (change.kind === 'left') visitors.delete(change.visitor.guid);
    else visitors.set(change.visitor.guid, change.visitor);
  });
});

function describeChange(change: Change): string {
  if (change.kind === 'came') return `came: ${change.arrival}`;
  return change.kind === 'left' ? `left: ${change.reason}` : change.kind;
}

function guids(): string[] {
  return [...visitors.keys()].sort();
}

describe('revisions', () => {
  it('start with a snapshot', () => {
    expect(view.apply(aDelta({ changed: [aSession()] }))).toBe('ignored');
    expect(view.apply(aSnapshot())).toBe('applied');
    expect(guids()).toEqual([]);
  });

  it('increase one by one', () => {
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

  it('ignore deltas that the snapshot included', () => {
    view.apply(aSnapshot({ revision: 5 }));
    expect(view.apply(aDelta({ revision: 5, changed: [aSession()] }))).toBe('ignored');
    expect(view.apply(aDelta({ revision: 6 }))).toBe('applied');
    expect(guids()).toEqual([]);
  });

  it('restart with a new connection, while the view stays', () => {
    view.apply(aSnapshot({ revision: 5, sessions: [aSession()] }));
    view.expectSnapshot();
    expect(view.apply(aDelta({ revision: 6 }))).toBe('ignored');
    expect(guids()).toEqual(['a']);
    expect(view.apply(aSnapshot({ revision: 1 }))).toBe('applied');
    expect(guids()).toEqual([]);
  });
});

describe('a snapshot in parts', () => {
  it('shows visitors as they come, with progress', () => {
    view.apply(aSnapshot({ revision: 5, sessions: [aSession({ guid: 'a' })], remaining: 2 }));
    expect(guids()).toEqual(['a']);
    expect(view.progress).toEqual({ loaded: 1, total: 3 });
    const next = aSnapshotPart({ revision: 5, sessions: [aSession({ guid: 'b' })], remaining: 1 });
    expect(view.apply(next)).toBe('applied');
    expect(view.progress).toEqual({ loaded: 2, total: 3 });
    view.apply(aSnapshotPart({ revision: 5, sessions: [aSession({ guid: 'c' })], remaining: 0 }));
    expect(view.progress).toBeNull();
    expect(view.apply(aDelta({ revision: 6 }))).toBe('applied');
    expect(changes).toEqual(['a came: initial', 'b came: initial', 'c came: initial']);
  });

  it('keeps the previous visitors until its last part', () => {
    view.apply(aSnapshot({ sessions: [aSession({ guid: 'stays' }), aSession({ guid: 'goes' })] }));
    view.expectSnapshot();
    view.apply(aSnapshot({ revision: 9, sessions: [aSession({ guid: 'comes' })], remaining: 1 }));
    expect(guids()).toEqual(['comes', 'goes', 'stays']);
    view.apply(aSnapshotPart({ revision: 9, sessions: [aSession({ guid: 'stays' })] }));
    expect(guids()).toEqual(['comes', 'stays']);
  });

  it.each([
    ['a delta', aDelta({ revision: 6 })],
    ['a part of another snapshot', aSnapshotPart({ revision: 6, sessions: [aSession()], remaining: 1 })],
    ['a part after a missing one', aSnapshotPart({ revision: 5, sessions: [aSession()], remaining: 0 })],
  ])('is requested again if %s comes before its end', (_, frame) => {
    view.apply(aSnapshot({ revision: 5, remaining: 2 }));
    expect(view.apply(frame)).toBe('gap');
    expect(view.progress).toBeNull();
    expect(view.apply(aSnapshotPart({ revision: 5 }))).toBe('ignored');
    expect(view.apply(aSnapshot({ revision: 7 }))).toBe('applied');
  });

  it('is forgotten with its connection', () => {
    view.apply(aSnapshot({ revision: 5, remaining: 1 }));
    view.expectSnapshot();
    expect(view.apply(aSnapshotPart({ revision: 5, sessions: [aSession()] }))).toBe('ignored');
    expect(guids()).toEqual([]);
  });
});

describe('changes', () => {
  it('are reported one by one', () => {
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
    expect(changes).toEqual([
      'a came: initial',
      'b came: initial',
      'a changed',
      'c came: live',
      'b touched',
      'b left: stale',
    ]);
  });

  it('of a snapshot after an interruption are only the differences', () => {
    const staying = aSession({ guid: 'stays' });
    const older = aSession({ guid: 'older' });
    view.apply(aSnapshot({ sessions: [staying, older, aSession({ guid: 'goes' })] }));
    view.expectSnapshot();
    changes.length = 0;
    const sessions = [staying, { ...older, lastActivityAt: NOW }, aSession({ guid: 'comes' })];
    view.apply(aSnapshot({ sessions }));
    expect(changes).toEqual(['goes left: missed', 'older changed', 'comes came: missed']);
  });

  it('keep the visitor, and replace the session in it', () => {
    view.apply(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b' })] }));
    const before = view.visitor('a');
    const sessions = [view.visitor('a')?.session, view.visitor('b')?.session];
    view.apply(aDelta({ touched: [['a', NOW]] }));
    expect(view.visitor('a')).toBe(before);
    expect(view.visitor('a')?.session).toEqual({ ...sessions[0], lastActivityAt: NOW });
    expect(view.visitor('a')?.session).not.toBe(sessions[0]);
    expect(view.visitor('b')?.session).toBe(sessions[1]);
  });

  it('add up to the frames, after any number of them', () => {
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
      for (const [guid, reason] of removed) {
        expected.delete(guid);
        if (reason === 'closed') closed.add(guid);
      }
    }
    expect(new Map([...visitors].map(([guid, { session }]) => [guid, session.openedAt]))).toEqual(expected);
    expect(expected.size).toBeGreaterThan(10);
    expect(closed.size).toBeGreaterThan(10);
  });
});

describe('a gateway that is behind', () => {
  /** The page sees `a` leave, and moves to a gateway that still has it. */
  function moveAfter(reason: string, snapshot: Partial<Snapshot> = {}): void {
    view.apply(aSnapshot({ sessions: [aSession()] }));
    view.apply(aDelta({ removed: [['a', reason]] }));
    view.expectSnapshot();
    changes.length = 0;
    view.apply(aSnapshot({ sessions: [aSession(), aSession({ guid: 'b' })], ...snapshot }));
  }

  it('does not bring back closed sessions', () => {
    const stats = someStats({ activeSessions: 2 });
    moveAfter('closed', { stats });
    view.apply(aDelta({ revision: 2, changed: [aSession({ openedAt: NOW })], touched: [['a', NOW]] }));
    view.apply(aDelta({ revision: 3, stats, removed: [['a', 'closed']] }));
    view.apply(aDelta({ revision: 4, stats, changed: [aSession()] }));
    expect(changes).toEqual(['b came: missed']);
    expect(view.visitor('a')).toBeNull();
    expect(view.stats).toEqual(stats);
  });

  it('does not bring back sessions that closed before the page had them', () => {
    view.apply(aSnapshot());
    view.apply(aDelta({ removed: [['a', 'closed']] }));
    view.expectSnapshot();
    view.apply(aSnapshot({ sessions: [aSession()] }));
    expect(changes).toEqual([]);
  });

  it('does not bring back hidden sessions', () => {
    moveAfter('hidden', {});
    view.apply(aDelta({ revision: 2, changed: [aSession({ openedAt: NOW })], touched: [['a', NOW]] }));
    expect(view.visitor('a')).toBeNull();
  });

  it('brings back sessions that were only stale', () => {
    moveAfter('stale');
    expect(changes).toEqual(['a came: missed', 'b came: missed']);
  });

  it('is accepted again after ten minutes', () => {
    moveAfter('closed', { now: NOW + RETENTION - 1 });
    expect(guids()).toEqual(['b']);
    view.apply(aSnapshot({ now: NOW + RETENTION, sessions: [aSession()] }));
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

  it('have the time at which the gateway was cut off', () => {
    const interruptions = [{ part: 'streams', since: NOW }];
    const stats = someStats({ asOf: NOW });
    view.apply(aSnapshot({ now: NOW + 9_000, stats, pipeline: aPipeline({ interruptions }) }));
    expect(view).toMatchObject({ asOf: NOW, statsAt: NOW, frameAt: NOW + 9_000 });
    view.apply(aDelta({ now: NOW + 10_000, pipeline: aPipeline() }));
    expect(view).toMatchObject({ asOf: null, statsAt: NOW + 10_000 });
  });

  it('have that time from the first frame that names an interruption', () => {
    const interruptions = [
      { part: 'enrichers', since: NOW + 1_000 },
      { part: 'ingestors', since: NOW },
    ];
    view.apply(aSnapshot({ now: NOW + 6_000, pipeline: aPipeline({ interruptions }) }));
    expect(view.asOf).toBe(NOW);
    view.apply(aDelta({ now: NOW + 7_000, stats: someStats({ asOf: NOW }) }));
    expect(view.asOf).toBe(NOW);
  });
});
