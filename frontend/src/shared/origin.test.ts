import { expect, it } from 'vitest';
import { aSession } from '../testing/samples';
import { countryName, originOf } from './origin';

it('names countries in English, and keeps unknown codes', () => {
  expect(countryName('DE')).toBe('Germany');
  expect(countryName('ZZZ9')).toBe('ZZZ9');
  expect(countryName('')).toBe('');
});

it('joins network and country, if known', () => {
  const network = 'Example Cable (AS64500)';
  expect(originOf(aSession())).toBeNull();
  expect(originOf(aSession({ network }))).toBe(network);
  expect(originOf(aSession({ country: 'DE' }))).toBe('Germany');
  expect(originOf(aSession({ network, country: 'DE' }))).toBe('Example Cable (AS64500) · Germany');
});
