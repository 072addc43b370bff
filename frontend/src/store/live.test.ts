import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_QUERY } from '../address/query';
import type { Frame } from '../feed/frame';
import { LINGER_TIME } from '../listing/listing';
import { makePlan } from '../listing/plan';
import { FakeEnvironment } from '../testing/fakeEnvironment';
import { aDelta, aPipeline, aSession, aSnapshot, NOW, someStats } from '../testing/samples';
import { Live } from './live';

let environment: FakeEnvironment;
let live: Live;

beforeEach(() => {
  environment = new FakeEnvironment();
  live = new Live(environment);
});

function receive(frame: Frame): string {
  return live.onMessage(JSON.stringify(frame));
}

function connect(): void {
  receive(aSnapshot());
  live.onConnectionChange(true);
}

/** What the page shows `milliseconds` later. */
function later(milliseconds: number) {
  environment.advance(milliseconds);
  live.tick();
  environment.renderFrame();
  return live.status;
}

describe('messages', () => {
  it('are accepted when they are applied', () => {
    expect(receive(aSnapshot({ revision: 1 }))).toBe('accepted');
    expect(receive(aDelta({ revision: 2 }))).toBe('accepted');
  });

  it('report a gap once, and are ignored until the snapshot', () => {
    connect();
    expect(receive(aDelta({ revision: 9 }))).toBe('gap');
    expect(receive(aDelta({ revision: 10 }))).toBe('ignored');
    expect(receive(aSnapshot({ revision: 11 }))).toBe('accepted');
  });

  it('that are invalid are counted, and logged once', () => {
    connect();
    expect(live.onMessage('{')).toBe('ignored');
    expect(live.onMessage(new ArrayBuffer(1))).toBe('ignored');
    expect(later(0).invalidMessages).toBe(2);
    expect(environment.warnings).toEqual([expect.stringContaining('not JSON')]);
    expect(receive(aDelta())).toBe('accepted');
  });

  it('of an earlier connection do not affect the next one', () => {
    connect();
    live.onConnectionChange(false);
    expect(receive(aDelta())).toBe('ignored');
    expect(receive(aSnapshot({ revision: 1 }))).toBe('accepted');
  });
});

describe('subscribers', () => {
  it('are notified at most once per frame, after all messages are applied', () => {
    const subscriber = vi.fn(() => live.listing.shown);
    const unsubscribe = live.subscribe(subscriber);
    receive(aSnapshot());
    receive(aDelta({ revision: 2, changed: [aSession({ guid: 'a' })] }));
    receive(aDelta({ revision: 3, changed: [aSession({ guid: 'b' })] }));
    expect(subscriber).not.toHaveBeenCalled();
    environment.renderFrame();
    expect(subscriber.mock.results).toEqual([{ type: 'return', value: 2 }]);
    environment.renderFrame();
    expect(subscriber).toHaveBeenCalledTimes(1);
    unsubscribe();
    later(1_000);
    expect(subscriber).toHaveBeenCalledTimes(1);
  });
});

describe('the status', () => {
  it('shows the server’s time in whole seconds', () => {
    expect(live.status.now).toBeNull();
    receive(aSnapshot({ now: NOW + 300 }));
    live.onConnectionChange(true);
    expect(later(0).now).toBe(NOW);
    expect(later(699).now).toBe(NOW);
    expect(later(1).now).toBe(NOW + 1_000);
  });

  it('advances with the server’s seconds', () => {
    receive(aSnapshot({ now: NOW + 300 }));
    expect(live.tick()).toBe(700);
    environment.time += 650;
    expect(live.tick()).toBe(50);
  });

  it('stops while the view is stale', () => {
    connect();
    expect(later(2_500)).toMatchObject({ freshness: 'live', now: NOW + 2_000 });
    expect(later(9_700)).toMatchObject({ freshness: 'stale', now: NOW + 3_000, silentSeconds: 12 });
  });

  it('continues by the next server’s clock after a reconnect', () => {
    connect();
    live.onConnectionChange(false);
    expect(later(100).freshness).toBe('reconnecting');
    expect(later(20_000).freshness).toBe('stale');
    receive(aSnapshot({ now: NOW - 5_000 }));
    live.onConnectionChange(true);
    expect(later(0)).toMatchObject({ freshness: 'live', now: NOW - 5_000, silentSeconds: 0 });
  });

  it('is not refreshed by ignored messages', () => {
    connect();
    for (let second = 0; second < 4; second += 1) {
      environment.time += 1_000;
      live.onMessage('garbage');
    }
    expect(later(0).freshness).toBe('stale');
  });

  it('counts the silence from the opening of the page if no frame has come', () => {
    expect(later(7_000)).toMatchObject({ freshness: 'connecting', silentSeconds: 7, now: null });
  });
});

describe('while the gateway is cut off', () => {
  it('time stops, and figures are not recorded', () => {
    connect();
    later(0);
    const stats = someStats({ activeSessions: 3, asOf: NOW + 1_000 });
    receive(aDelta({ now: NOW + 70_000, stats }));
    expect(later(2_000)).toMatchObject({ freshness: 'interrupted', now: NOW + 1_000 });
    expect(live.statsHistory.points.at(-1)?.values).toBeNull();
    receive(aDelta({ revision: 3, now: NOW + 73_000, stats: someStats({ activeSessions: 3 }) }));
    expect(later(1_000)).toMatchObject({ freshness: 'live', now: NOW + 74_000 });
    expect(live.statsHistory.points.at(-1)?.values?.active).toBe(3);
  });
});

describe('the time shown', () => {
  it('stands still from the first frame that names an interruption', () => {
    connect();
    const pipeline = aPipeline({ interruptions: [{ part: 'ingestors', since: NOW }] });
    receive(aDelta({ now: NOW + 5_000, pipeline }));
    expect(later(0)).toMatchObject({ freshness: 'interrupted', now: NOW });
    receive(aDelta({ revision: 3, now: NOW + 6_000, stats: someStats({ asOf: NOW }) }));
    expect(later(1_000)).toMatchObject({ freshness: 'interrupted', now: NOW });
  });
});

describe('the list', () => {
  it('removes departed visitors after a moment, without another frame', () => {
    receive(aSnapshot({ sessions: [aSession()] }));
    live.onConnectionChange(true);
    environment.renderFrame();
    environment.advance(500);
    receive(aDelta({ removed: [['a', 'closed']] }));
    environment.renderFrame();
    expect(live.listing.lines).toHaveLength(1);
    environment.advance(LINGER_TIME);
    environment.renderFrame();
    expect(live.listing.lines).toEqual([]);
  });

  it('is held while the reader reads', () => {
    connect();
    environment.renderFrame();
    live.holdOrder(true);
    receive(aDelta({ changed: [aSession()] }));
    environment.renderFrame();
    expect(live.listing.lines).toEqual([]);
    live.showWaiting();
    environment.renderFrame();
    expect(live.listing.lines).toHaveLength(1);
  });

  it('applies a plan in the next frame', () => {
    receive(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b', ip: '192.0.2.9' })] }));
    environment.renderFrame();
    live.setPlan(makePlan({ ...DEFAULT_QUERY, search: '192.0' }, () => false));
    environment.renderFrame();
    expect(live.listing.lines.map(({ key }) => key)).toEqual(['b']);
  });
});

it('passes every change on at once', () => {
  const hear = vi.fn();
  live = new Live(environment, hear);
  receive(aSnapshot({ sessions: [aSession()] }));
  expect(hear).toHaveBeenCalledTimes(1);
});
