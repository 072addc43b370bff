// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Connection,
  LOADING_SILENCE_LIMIT,
  retryDelay,
  SILENCE_LIMIT,
  socketUrl,
  type MessageOutcome,
} from './connection';

/** A socket that does what the test says, in place of the browser's. */
class PlayedSocket extends EventTarget {
  static all: PlayedSocket[] = [];
  readonly url: string;
  sent: string[] = [];
  closed = false;

  constructor(url: string) {
    super();
    this.url = url;
    PlayedSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  say(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  accept(): void {
    this.dispatchEvent(new Event('open'));
  }

  break(): void {
    this.dispatchEvent(new Event('close'));
  }
}

const links: boolean[] = [];
const onFailure = vi.fn();
const listener = {
  // The test decides the outcome of a message by its text.
  onMessage: (data: unknown) => data as MessageOutcome,
  onConnectionChange: (up: boolean) => links.push(up),
};
let close: () => void;

function socket(index: number): PlayedSocket {
  const found = PlayedSocket.all.at(index);
  if (!found) throw new Error(`there is no socket ${index}`);
  return found;
}

function attempts(): number {
  return PlayedSocket.all.length;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', PlayedSocket);
  vi.spyOn(Math, 'random').mockReturnValue(1);
  PlayedSocket.all = [];
  links.length = 0;
  onFailure.mockClear();
  close = new Connection('ws://here/ws', listener, onFailure).open();
});

afterEach(() => {
  close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the link', () => {
  it('is up with the first accepted message and down with the end of the connection', () => {
    socket(0).say('ignored');
    expect(links).toEqual([]);
    socket(0).say('accepted');
    socket(0).say('accepted');
    expect(links).toEqual([true]);
    socket(0).break();
    expect(links).toEqual([true, false]);
  });

  it('requests a snapshot after a gap', () => {
    socket(0).say('accepted');
    expect(socket(0).sent).toEqual([]);
    socket(0).say('gap');
    expect(socket(0).sent.map((text) => JSON.parse(text) as unknown)).toEqual([{ type: 'snapshot' }]);
  });
});

describe('a lost connection', () => {
  it('is retried at once, then with exponential backoff', () => {
    const delays: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = attempts();
      const since = performance.now();
      socket(-1).break();
      while (attempts() === before) vi.advanceTimersToNextTimer();
      delays.push(performance.now() - since);
    }
    expect(delays).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('is retried at once if it was stable', () => {
    for (let attempt = 0; attempt < 6; attempt += 1) {
      socket(-1).break();
      vi.advanceTimersByTime(4_900);
    }
    socket(-1).say('accepted');
    vi.advanceTimersByTime(4_000);
    socket(-1).say('accepted');
    vi.advanceTimersByTime(4_000);
    const before = attempts();
    socket(-1).break();
    vi.advanceTimersByTime(0);
    expect(attempts()).toBe(before + 1);
  });

  it('is retried slowly if it keeps ending right after the first message', () => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      socket(-1).say('accepted');
      socket(-1).break();
      vi.advanceTimersByTime(100);
    }
    expect(attempts()).toBeLessThan(10);
  });

  it('is retried at once when the network is back', () => {
    for (let attempt = 0; attempt < 6; attempt += 1) {
      socket(-1).break();
      vi.advanceTimersByTime(5_000);
    }
    socket(-1).break();
    const before = attempts();
    window.dispatchEvent(new Event('online'));
    expect(attempts()).toBe(before + 1);
    // The timer that was set is gone; only the silence of the new connection leads to another one.
    vi.advanceTimersByTime(SILENCE_LIMIT - 1);
    expect(attempts()).toBe(before + 1);
  });

  it('is retried at once when the tab becomes visible', () => {
    socket(-1).break();
    vi.advanceTimersByTime(0);
    socket(-1).break();
    const before = attempts();
    document.dispatchEvent(new Event('visibilitychange'));
    expect(attempts()).toBe(before + 1);
  });

  it('counts as failed only without an accepted message', () => {
    socket(-1).say('accepted');
    socket(-1).break();
    expect(onFailure).not.toHaveBeenCalled();
    vi.advanceTimersToNextTimer();
    socket(-1).say('ignored');
    socket(-1).break();
    expect(onFailure).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(250);
    expect(attempts()).toBe(3);
    vi.advanceTimersByTime(SILENCE_LIMIT);
    expect(onFailure).toHaveBeenCalledTimes(2);
  });

  it('is not retried after it was closed', () => {
    close();
    expect(socket(0).closed).toBe(true);
    expect(onFailure).not.toHaveBeenCalled();
    socket(0).break();
    window.dispatchEvent(new Event('online'));
    vi.advanceTimersByTime(60_000);
    expect(attempts()).toBe(1);
  });
});

describe('a silent connection', () => {
  it('is closed, even without a close event', () => {
    socket(0).say('accepted');
    vi.advanceTimersByTime(SILENCE_LIMIT - 1);
    expect(attempts()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(socket(0).closed).toBe(true);
    expect(links).toEqual([true, false]);
    vi.advanceTimersToNextTimer();
    expect(attempts()).toBe(2);
  });

  it('is kept while accepted messages come', () => {
    for (let second = 0; second < 60; second += 1) {
      socket(0).say('accepted');
      vi.advanceTimersByTime(1_000);
    }
    expect(attempts()).toBe(1);
  });

  it('is closed if all its messages are ignored', () => {
    for (let second = 0; second < 6; second += 1) {
      socket(0).say('ignored');
      vi.advanceTimersByTime(1_000);
    }
    expect(socket(0).closed).toBe(true);
  });

  it('has more time for its first message, and for each part of a snapshot', () => {
    socket(0).accept();
    vi.advanceTimersByTime(LOADING_SILENCE_LIMIT - 1);
    socket(0).say('incomplete');
    expect(links).toEqual([true]);
    vi.advanceTimersByTime(LOADING_SILENCE_LIMIT - 1);
    expect(attempts()).toBe(1);
    socket(0).say('accepted');
    vi.advanceTimersByTime(SILENCE_LIMIT - 1);
    expect(attempts()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(socket(0).closed).toBe(true);
  });

  it('is closed if a part of a snapshot never comes', () => {
    socket(0).say('incomplete');
    vi.advanceTimersByTime(LOADING_SILENCE_LIMIT - 1);
    expect(socket(0).closed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(socket(0).closed).toBe(true);
  });

  it('is closed if it never opens', () => {
    vi.advanceTimersByTime(SILENCE_LIMIT);
    expect(socket(0).closed).toBe(true);
  });

  it('is ignored afterwards', () => {
    vi.advanceTimersByTime(SILENCE_LIMIT);
    socket(0).say('accepted');
    expect(links).toEqual([]);
  });
});

describe('retryDelay', () => {
  it('spreads browsers over the second half of each delay', () => {
    expect(retryDelay(1, 0.5)).toBe(0);
    expect(retryDelay(4, 0)).toBe(500);
    expect(retryDelay(4, 0.5)).toBe(750);
    expect(retryDelay(1_000, 1)).toBe(5_000);
  });
});

describe('socketUrl', () => {
  it.each([
    ['http://127.0.0.1:3000/', false, 'ws://127.0.0.1:3000/ws'],
    ['https://visitors.example/?q=a#b', true, 'wss://visitors.example/ws?compress=gzip'],
    ['https://example/visitors/?q=a', true, 'wss://example/visitors/ws?compress=gzip'],
  ])('is beside the page %s', (page, compressed, expected) => {
    expect(socketUrl(page, compressed)).toBe(expected);
  });
});
