import { expect, it } from 'vitest';
import { matchesWords, searchTextOf, searchWords } from './search';

function finds(search: string, ...parts: string[]): boolean {
  return matchesWords(searchTextOf(parts), searchWords(search));
}

it.each([
  ['lodz', 'Łódź'],
  ['strasse', 'Große Straße'],
  ['orsted', 'Ørsted'],
  ['diyarbakir', 'Diyarbakır'],
  ["o'hara", 'O’Hara'],
  ['"the company"', '“The Company”'],
  ['münchen.example', 'xn--mnchen-3ya.example'],
  ['munchen', 'xn--mnchen-3ya.example'],
  ['xn--mnchen-3ya.example', 'münchen.example'],
  ['xn--mnchen-3ya', 'münchen.example'],
  ['+49 30 1234567', '+49 (30) 123-4567'],
  ['0049301234567', '+49 30 1234567'],
  ['1234567', '+49 30 123 45 67'],
  ['030 123', '(030) 1234567'],
  ['555-01', '+1-202-555-0173'],
  ['2001:0db8:0000:0000:0000:00fa:0000:000a', '2001:db8::fa:0:a'],
  ['2001:DB8::FA:0:A', '2001:db8:0:0:0:fa:0:a'],
  ['2001:0db8:', '2001:db8::1'],
  ['203.0.113', '203.0.113.7'],
  ['lumen 203.0', 'Lumen', '203.0.113.7'],
] as [string, ...string[]][])('%j finds %j', (search, ...parts) => {
  expect(finds(search, ...parts)).toBe(true);
});

it.each([
  ['lodzx', 'Łódź'],
  ['203.0.114', '203.0.113.7'],
  ['+49 30 99', '+49 30 1234567'],
  ['onetwo', 'one', 'two'],
] as [string, ...string[]][])('%j does not find %j', (search, ...parts) => {
  expect(finds(search, ...parts)).toBe(false);
});
