import { beforeEach, expect, it, vi } from 'vitest';
import { Watchlist } from './watchlist';

let kept: string | null;
let elsewhere: () => void;

const storage = {
  read: () => kept,
  write: (text: string | null) => {
    kept = text;
  },
  subscribe: (subscriber: () => void) => {
    elsewhere = subscriber;
  },
};

beforeEach(() => {
  kept = null;
});

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'WWW.Lumen.example' };

it('keeps companies by domain, also after a reload', () => {
  const list = new Watchlist(storage);
  expect(list.includes(lumen)).toBe(false);
  expect(list.add('https://lumen.example/about')).toBe(true);
  expect(list.includes(lumen)).toBe(true);
  expect([...new Watchlist(storage).domains]).toEqual(['lumen.example']);
  list.remove('www.lumen.example');
  expect(list.includes(lumen)).toBe(false);
  expect(new Watchlist(storage).domains.size).toBe(0);
});

it.each(['', ' ', 'lumen', '.example', 'a..b'])('rejects %j as a domain', (text) => {
  const list = new Watchlist(storage);
  expect(list.add(text)).toBe(false);
  expect(list.domains.size).toBe(0);
});

it.each([null, '', '{', '{}', '[1, null]'])('is empty if %j is stored', (text) => {
  kept = text;
  expect(new Watchlist(storage).domains.size).toBe(0);
});

it('notifies of changes, also from other windows', () => {
  const list = new Watchlist(storage);
  const subscriber = vi.fn();
  const unsubscribe = list.subscribe(subscriber);
  list.add('lumen.example');
  kept = '["varga.example"]';
  elsewhere();
  expect([...list.domains]).toEqual(['varga.example']);
  expect(subscriber).toHaveBeenCalledTimes(2);
  expect(list.version).toBe(2);
  unsubscribe();
  list.remove('varga.example');
  expect(subscriber).toHaveBeenCalledTimes(2);
});

it.each([
  ['zoe@nestle.example', ['nestle.example']],
  ['mailto:zoe@nestle.example', ['nestle.example']],
  ['a.example, b.example', ['a.example', 'b.example']],
  ['https://www.münchen.example/x', ['xn--mnchen-3ya.example']],
])('of %j, watches %j', (text, domains) => {
  const list = new Watchlist(storage);
  expect(list.add(text)).toBe(true);
  expect([...list.domains]).toEqual(domains);
});

it('adds nothing if one of several is no domain', () => {
  const list = new Watchlist(storage);
  expect(list.add('a.example, nonsense')).toBe(false);
  expect(list.domains.size).toBe(0);
});
