import { expect, it } from 'vitest';
import type { Point } from '../store/statsHistory';
import { sparklinePaths } from './sparklinePath';

const nothing = {
  active: 0,
  identified: 0,
  companies: 0,
  perCompany: null,
  duration: null,
  arrivals: 0,
  departures: 0,
};

function active(...values: (number | null)[]): Point[] {
  return values.map((value, index) => ({
    second: 1_000 + index * 10,
    values: value === null ? null : { ...nothing, active: value },
  }));
}

it('draws the latest figure at the end', () => {
  expect(sparklinePaths(active(0, 10), ['active'])).toEqual(['M83.33 24h0L100 4']);
});

it('draws a constant through the middle', () => {
  expect(sparklinePaths(active(5), ['active'])).toEqual(['M100 14h0']);
});

it('bridges a moment without figures, and no longer one', () => {
  expect(sparklinePaths(active(1, null, null, 1), ['active'])[0]).not.toMatch(/M.*M/);
  expect(sparklinePaths(active(1, null, null, null, 1), ['active'])[0]).toMatch(/M.*M/);
});

it('draws rates in one scale from 0', () => {
  const points = [{ second: 1_000, values: { ...nothing, arrivals: 4, departures: 2 } }];
  expect(sparklinePaths(points, ['arrivals', 'departures'])).toEqual(['M100 2h0', 'M100 14h0']);
});

it('draws nothing without figures', () => {
  expect(sparklinePaths([], ['active'])).toEqual(['']);
  expect(sparklinePaths(active(null, null), ['active'])).toEqual(['']);
});
