import { expect, it } from 'vitest';
import { fold } from './fold';

it.each([
  ['Inés', 'ines'],
  ['STRASSE', 'Straße'],
  ['Łódź', 'lodz'],
  ['Ørsted', 'orsted'],
  ['İstanbul', 'istanbul'],
  ['Diyarbakır', 'diyarbakir'],
  ['Ærø', 'aero'],
  ['L’Oréal', "L'Oreal"],
  ['Ｌｕｍｅｎ', 'lumen'],
  ['Saint‑Gobain', 'saint-gobain'],
])('folds %s and %s to the same text', (one, other) => {
  expect(fold(one)).toBe(fold(other));
});
