import { expect, it } from 'vitest';
import { isHost, normalDomain, readableDomain } from './domain';

it.each([
  ['Lumen.Example', 'lumen.example'],
  [' www.lumen.example. ', 'lumen.example'],
  ['http://lumen.example?q', 'lumen.example'],
  ['wwww.example', 'wwww.example'],
  ['zoe@nestle.example', 'nestle.example'],
  ['mailto:zoe@nestle.example', 'nestle.example'],
  ['München.example', 'xn--mnchen-3ya.example'],
  ['https://www.münchen.example/', 'xn--mnchen-3ya.example'],
])('takes %j for %j', (text, domain) => {
  expect(normalDomain(text)).toBe(domain);
  expect(isHost(domain)).toBe(true);
});

it.each([
  '',
  'lumen',
  'lumen example.com',
  '.example',
  'a..b',
  'a.example,b.example',
  'a.example:80',
  'mailto:',
])('%j is no host', (text) => {
  expect(isHost(normalDomain(text))).toBe(false);
});

it('decodes international names', () => {
  expect(readableDomain('xn--mnchen-3ya.example')).toBe('münchen.example');
  expect(readableDomain('xn--\u0000')).toBe('xn--\u0000');
});
