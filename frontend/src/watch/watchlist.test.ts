import { beforeEach, expect, it, vi } from 'vitest';
import { normalDomain, Watchlist } from './watchlist';

let kept: string | null;
let elsewhere: () => void;

const memory = {
  read: () => kept,
  write: (text: string) => {
    kept = text;
  },
  watch: (watcher: () => void) => {
    elsewhere = watcher;
  },
};

beforeEach(() => {
  kept = null;
});

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'WWW.Lumen.example' };

it('holds companies by their domain, over the life of the page', () => {
  const list = new Watchlist(memory);
  expect(list.holds(lumen)).toBe(false);
  expect(list.add('https://lumen.example/about')).toBe(true);
  expect(list.holds(lumen)).toBe(true);
  expect([...new Watchlist(memory).domains]).toEqual(['lumen.example']);
  list.remove('www.lumen.example');
  expect(list.holds(lumen)).toBe(false);
  expect(new Watchlist(memory).domains.size).toBe(0);
});

it.each(['', ' ', 'lumen', 'lumen example.com', '.example', 'a..b'])(
  'does not take %j for a domain',
  (text) => {
    const list = new Watchlist(memory);
    expect(list.add(text)).toBe(false);
    expect(list.domains.size).toBe(0);
  },
);

it.each([null, '', '{', '{}', '[1, null]'])('is empty where %j is kept', (text) => {
  kept = text;
  expect(new Watchlist(memory).domains.size).toBe(0);
});

it('tells of changes, and follows those of other windows', () => {
  const list = new Watchlist(memory);
  const watcher = vi.fn();
  const unwatch = list.watch(watcher);
  list.add('lumen.example');
  kept = '["varga.example"]';
  elsewhere();
  expect([...list.domains]).toEqual(['varga.example']);
  expect(watcher).toHaveBeenCalledTimes(2);
  expect(list.version).toBe(2);
  unwatch();
  list.remove('varga.example');
  expect(watcher).toHaveBeenCalledTimes(2);
});

it.each([
  ['Lumen.Example', 'lumen.example'],
  [' www.lumen.example. ', 'lumen.example'],
  ['http://lumen.example?q', 'lumen.example'],
  ['wwww.example', 'wwww.example'],
])('takes %j for %j', (text, domain) => {
  expect(normalDomain(text)).toBe(domain);
});
