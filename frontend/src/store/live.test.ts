import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LINGER } from '../listing/listing';
import { planOf } from '../listing/plan';
import { EVERYTHING } from '../address/query';
import type { Frame } from '../feed/frame';
import { Live } from './live';
import { PlayedBrowser } from '../testing/playedBrowser';
import { aDelta, aSession, aSnapshot, NOW, someStats } from '../testing/samples';

let browser: PlayedBrowser;
let live: Live;

beforeEach(() => {
  browser = new PlayedBrowser();
  live = new Live(browser);
});

function receive(frame: Frame): string {
  return live.onMessage(JSON.stringify(frame));
}

function connect(): void {
  receive(aSnapshot());
  live.onLink(true);
}

/** What the page shows `milliseconds` later. */
function later(milliseconds: number) {
  browser.pass(milliseconds);
  live.tick();
  browser.paint();
  return live.status;
}

describe('messages', () => {
  it('are useful when they are applied', () => {
    expect(receive(aSnapshot({ revision: 1 }))).toBe('useful');
    expect(receive(aDelta({ revision: 2 }))).toBe('useful');
  });

  it('are missing once where there is a gap, and useless until the snapshot', () => {
    connect();
    expect(receive(aDelta({ revision: 9 }))).toBe('missing');
    expect(receive(aDelta({ revision: 10 }))).toBe('useless');
    expect(receive(aSnapshot({ revision: 11 }))).toBe('useful');
  });

  it('that make no sense are counted, and told of once', () => {
    connect();
    expect(live.onMessage('{')).toBe('useless');
    expect(live.onMessage(new ArrayBuffer(1))).toBe('useless');
    expect(later(0).misunderstood).toBe(2);
    expect(browser.warnings).toEqual([expect.stringContaining('not JSON')]);
    expect(receive(aDelta())).toBe('useful');
  });

  it('of an earlier connection say nothing about those of the next', () => {
    connect();
    live.onLink(false);
    expect(receive(aDelta())).toBe('useless');
    expect(receive(aSnapshot({ revision: 1 }))).toBe('useful');
  });
});

describe('watchers', () => {
  it('are told at most once per paint, when all that came is in the view', () => {
    const watcher = vi.fn(() => live.listing.shown);
    const unwatch = live.watch(watcher);
    receive(aSnapshot());
    receive(aDelta({ revision: 2, changed: [aSession({ guid: 'a' })] }));
    receive(aDelta({ revision: 3, changed: [aSession({ guid: 'b' })] }));
    expect(watcher).not.toHaveBeenCalled();
    browser.paint();
    expect(watcher.mock.results).toEqual([{ type: 'return', value: 2 }]);
    browser.paint();
    expect(watcher).toHaveBeenCalledTimes(1);
    unwatch();
    later(1_000);
    expect(watcher).toHaveBeenCalledTimes(1);
  });
});

describe('the moment', () => {
  it('shows the server’s time in whole seconds', () => {
    expect(live.status.now).toBeNull();
    receive(aSnapshot({ now: NOW + 300 }));
    live.onLink(true);
    expect(later(0).now).toBe(NOW);
    expect(later(699).now).toBe(NOW);
    expect(later(1).now).toBe(NOW + 1_000);
  });

  it('ticks with the server’s seconds', () => {
    receive(aSnapshot({ now: NOW + 300 }));
    expect(live.tick()).toBe(700);
    browser.time += 650;
    expect(live.tick()).toBe(50);
  });

  it('stands still where the view is stale', () => {
    connect();
    expect(later(2_500)).toMatchObject({ freshness: 'live', now: NOW + 2_000 });
    expect(later(9_700)).toMatchObject({ freshness: 'stale', now: NOW + 3_000, silentSeconds: 12 });
  });

  it('goes on where a new connection brings a frame, by that server’s clock', () => {
    connect();
    live.onLink(false);
    expect(later(100).freshness).toBe('reconnecting');
    expect(later(20_000).freshness).toBe('stale');
    receive(aSnapshot({ now: NOW - 5_000 }));
    live.onLink(true);
    expect(later(0)).toMatchObject({ freshness: 'live', now: NOW - 5_000, silentSeconds: 0 });
  });

  it('is not refreshed by messages that are of no use', () => {
    connect();
    for (let second = 0; second < 4; second += 1) {
      browser.time += 1_000;
      live.onMessage('garbage');
    }
    expect(later(0).freshness).toBe('stale');
  });

  it('counts the silence from the opening of the page where nothing has been heard', () => {
    expect(later(7_000)).toMatchObject({ freshness: 'connecting', silentSeconds: 7, now: null });
  });
});

describe('while the gateway is cut off', () => {
  it('time stands still where it was cut off, and the figures of now are not recorded', () => {
    connect();
    later(0);
    const stats = someStats({ activeSessions: 3, asOf: NOW + 1_000 });
    receive(aDelta({ now: NOW + 70_000, stats }));
    expect(later(2_000)).toMatchObject({ freshness: 'interrupted', now: NOW + 1_000 });
    expect(live.pulse.traces.active.at(-1)).toBeNull();
    receive(aDelta({ revision: 3, now: NOW + 73_000, stats: someStats({ activeSessions: 3 }) }));
    expect(later(1_000)).toMatchObject({ freshness: 'live', now: NOW + 74_000 });
    expect(live.pulse.traces.active.at(-1)).toBe(3);
  });
});

describe('the list', () => {
  it('lets go of who has left, after a moment and without another frame', () => {
    receive(aSnapshot({ sessions: [aSession()] }));
    live.onLink(true);
    browser.paint();
    browser.pass(500);
    receive(aDelta({ removed: [['a', 'closed']] }));
    browser.paint();
    expect(live.listing.lines).toHaveLength(1);
    browser.pass(LINGER);
    browser.paint();
    expect(live.listing.lines).toEqual([]);
  });

  it('is held while somebody reads', () => {
    connect();
    browser.paint();
    live.read(true);
    receive(aDelta({ changed: [aSession()] }));
    browser.paint();
    expect(live.listing.lines).toEqual([]);
    live.catchUp();
    browser.paint();
    expect(live.listing.lines).toHaveLength(1);
  });

  it('follows the plan at the next paint', () => {
    receive(aSnapshot({ sessions: [aSession({ guid: 'a' }), aSession({ guid: 'b', ip: '192.0.2.9' })] }));
    browser.paint();
    live.follow(planOf({ ...EVERYTHING, search: '192.0' }, () => false));
    browser.paint();
    expect(live.listing.lines.map(({ key }) => key)).toEqual(['b']);
  });
});

it('hands every change on at once', () => {
  const hear = vi.fn();
  live = new Live(browser, hear);
  receive(aSnapshot({ sessions: [aSession()] }));
  expect(hear).toHaveBeenCalledTimes(1);
});
