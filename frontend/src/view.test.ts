import { beforeEach, describe, expect, it } from 'vitest';
import { aDelta, aPipeline, aSession, aSnapshot, NOW, someStats } from './samples';
import { View } from './view';

let view: View;

beforeEach(() => {
  view = new View();
});

function guids(): string[] {
  return view.rows().map((row) => row.guid);
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

describe('rows', () => {
  it('have the newest session first, and a fixed order among those of one moment', () => {
    const sessions = [
      aSession({ guid: 'c', openedAt: NOW - 20 }),
      aSession({ guid: 'b', openedAt: NOW - 10 }),
      aSession({ guid: 'a', openedAt: NOW - 10 }),
    ];
    view.apply(aSnapshot({ sessions }));
    expect(guids()).toEqual(['a', 'b', 'c']);
    view.apply(aDelta({ revision: 2, changed: [aSession({ guid: 'd', openedAt: NOW - 15 })] }));
    expect(guids()).toEqual(['a', 'b', 'd', 'c']);
  });

  it('move when the opening of a session becomes known', () => {
    const early = aSession({ guid: 'early', openedAt: NOW - 10 });
    view.apply(aSnapshot({ sessions: [early, aSession({ guid: 'other', openedAt: NOW - 20 })] }));
    expect(guids()).toEqual(['early', 'other']);
    view.apply(aDelta({ changed: [{ ...early, openedAt: NOW - 30 }] }));
    expect(guids()).toEqual(['other', 'early']);
  });

  it('hold one row per session, however often it changes before anyone looks', () => {
    view.apply(aSnapshot());
    view.apply(aDelta({ revision: 2, changed: [aSession({ openedAt: 1 })] }));
    view.apply(aDelta({ revision: 3, changed: [aSession({ openedAt: 2 })] }));
    view.apply(aDelta({ revision: 4, changed: [aSession({ openedAt: 1 })] }));
    expect(view.rows().map(({ openedAt }) => openedAt)).toEqual([1]);
  });

  it('leave for either reason', () => {
    view.apply(aSnapshot({ sessions: ['a', 'b', 'c'].map((guid) => aSession({ guid })) }));
    const removed: [string, string][] = [
      ['a', 'closed'],
      ['c', 'stale'],
      ['unheard-of', 'closed'],
    ];
    view.apply(aDelta({ removed }));
    expect(guids()).toEqual(['b']);
  });

  it('are the same array while sessions are only touched', () => {
    view.apply(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b' })] }));
    const before = view.rows();
    const sessions = before.map((row) => row.session);
    const touched: [string, number][] = [
      ['a', NOW],
      ['unheard-of', NOW],
    ];
    view.apply(aDelta({ touched }));
    expect(view.rows()).toBe(before);
    expect(before[0]?.session).toEqual({ ...sessions[0], lastActivityAt: NOW });
    expect(before[0]?.session).not.toBe(sessions[0]);
    expect(before[1]?.session).toBe(sessions[1]);
  });

  it('are another array when more is known about a visitor, since its row may be higher', () => {
    view.apply(aSnapshot({ sessions: [aSession()] }));
    const before = view.rows();
    const company = { guid: 'c', name: 'Lumen & Sons', domain: 'lumen.example' };
    view.apply(aDelta({ changed: [aSession({ company })] }));
    expect(view.rows()).not.toBe(before);
    expect(view.rows()[0]?.session.company).toEqual(company);
  });

  it('agree with a plain list after any number of frames', () => {
    view.apply(aSnapshot());
    const expected = new Map<string, number>();
    let state = 1;
    const below = (limit: number) => (state = (state * 48_271) % 2_147_483_647) % limit;
    for (let revision = 2; revision < 2_000; revision += 1) {
      const changed = Array.from({ length: below(4) }, () =>
        aSession({ guid: `g${below(300)}`, openedAt: below(50) }),
      );
      const removed = Array.from({ length: below(4) }, (): [string, string] => [`g${below(300)}`, 'closed']);
      view.apply(aDelta({ revision, changed, removed }));
      for (const { guid, openedAt } of changed) expected.set(guid, openedAt);
      for (const [guid] of removed) expected.delete(guid);
      if (below(3) === 0) expect(guids()).toEqual(inOrder(expected));
    }
    expect(guids()).toEqual(inOrder(expected));
    expect(expected.size).toBeGreaterThan(10);
  });
});

function inOrder(openings: Map<string, number>): string[] {
  return [...openings]
    .sort(([a, openedA], [b, openedB]) => (openedA === openedB ? (a < b ? -1 : 1) : openedB - openedA))
    .map(([guid]) => guid);
}

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
});
