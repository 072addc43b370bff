import { expect, it, vi } from 'vitest';
import { parseEntries, TeamWatchlist } from './teamWatchlist';

const company = (domain: string, guid = 'g') => ({ guid, name: 'Lumen & Sons', domain });

it('includes companies by domain, sub-domain and GUID', () => {
  const list = new TeamWatchlist();
  expect(list.includes(company('lumen.example'))).toBe(false);
  list.update(['lumen.example', '*.varga.example', '0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11']);
  expect(list.includes(company('https://www.Lumen.example/'))).toBe(true);
  expect(list.includes(company('shop.varga.example'))).toBe(true);
  expect(list.includes(company('varga.example'))).toBe(false);
  expect(list.includes(company('other.example', '0D6CF1B5-6E0F-4C1E-9B42-2B1F6E9E7A11'))).toBe(true);
  expect(list.includes(company('other.example'))).toBe(false);
});

it('notifies only of changes', () => {
  const list = new TeamWatchlist();
  const subscriber = vi.fn();
  list.subscribe(subscriber);
  list.update(['lumen.example']);
  list.update(['lumen.example']);
  expect(subscriber).toHaveBeenCalledTimes(1);
  expect(list.version).toBe(1);
});

it.each([
  [{ entries: ['a.example', 1] }, ['a.example']],
  [{ entries: 'a.example' }, null],
  [{}, null],
  [null, null],
  ['entries', null],
])('reads %j as %j', (answer, entries) => {
  expect(parseEntries(answer)).toEqual(entries);
});
