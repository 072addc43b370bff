import { expect, it } from 'vitest';
import { setLanguage } from './messages/language';
import {
  formatAverage,
  formatCount,
  formatDuration,
  formatMoney,
  formatRate,
  formatShare,
  formatSince,
  formatTime,
} from './format';

it.each([
  [0, '0s'],
  [7.9, '7s'],
  [59.999, '59s'],
  [60, '1m 00s'],
  [247, '4m 07s'],
  [3_599, '59m 59s'],
  [3_600, '1h 00m 00s'],
  [11_047, '3h 04m 07s'],
  [86_399, '23h 59m 59s'],
  [86_400, '1d 00h 00m'],
  [86_400 * 30 + 3 * 3_600 + 4 * 60 + 59, '30d 03h 04m'],
  [-3, '0s'],
])('formats %d seconds as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it('formats counts and averages', () => {
  expect(formatCount(0)).toBe('0');
  expect(formatCount(12_345)).toBe('12,345');
  expect(formatAverage(2)).toBe('2.00');
  expect(formatAverage(1.005_9)).toBe('1.01');
  expect(formatAverage(1_234.5)).toBe('1,234.50');
});

it('formats rates with tenths only while they say something', () => {
  expect([0, 0.04, 1.5, 9.94, 10, 38.4, 1_234.5].map(formatRate)).toEqual([
    '0',
    '0.0',
    '1.5',
    '9.9',
    '10',
    '38',
    '1,235',
  ]);
});

it('formats money without a currency', () => {
  expect(formatMoney(0, null)).toBe('0.00');
  expect(formatMoney(2.1, null)).toBe('2.10');
  expect(formatMoney(12_345.678, null)).toBe('12,345.68');
});

it.each([
  ['en', 'EUR', '€12,345.68'],
  ['en', 'JPY', '¥12,346'],
  ['de', 'EUR', '12.345,68\u00a0€'],
  ['de', 'CHF', '12.345,68\u00a0CHF'],
] as const)('formats money in %s and %s', (language, currency, text) => {
  setLanguage(language, []);
  expect(formatMoney(12_345.678, currency)).toBe(text);
  setLanguage(null, []);
});

it('rounds shares down, so 100% means all', () => {
  expect(formatShare(0)).toBe('0%');
  expect(formatShare(0.753)).toBe('75%');
  expect(formatShare(0.999)).toBe('99%');
  expect(formatShare(1)).toBe('100%');
});

it('formats every time that a frame may contain', () => {
  expect(formatTime(Date.UTC(2025, 2, 3, 12))).toContain('Mar 3, 2025');
  expect(formatTime(8.64e15)).not.toBe('');
});

it('names the day only where it is another one', () => {
  const noon = new Date(2026, 10, 27, 12, 0).getTime();
  const time = formatSince(new Date(2026, 10, 27, 0, 2).getTime(), noon);
  expect(time).toMatch(/:02/);
  expect(time).not.toMatch(/Nov/);
  expect(formatSince(new Date(2026, 10, 26, 23, 58).getTime(), noon)).toMatch(/Nov 26.*:58|26 Nov.*:58/);
});
