import { expect, it } from 'vitest';
import { parseHistory } from './history';

const point = {
  at: 1_750_000_000_000,
  activeSessions: 1,
  beingIdentified: 0,
  companies: 1,
  averageVisitorsPerCompany: 1,
  averageSessionSeconds: 2.5,
  arrivalsPerSecond: 0.1,
  departuresPerSecond: 0,
};

it('reads points, and ignores fields of a newer gateway', () => {
  expect(parseHistory({ intervalSeconds: 10, points: [{ ...point, mood: 'good' }] })).toEqual([point]);
});

it.each([null, {}, { points: 'none' }, { points: [{ ...point, at: 1e300 }] }, '<html>'])(
  'has no points in %j',
  (answer) => {
    expect(parseHistory(answer)).toEqual([]);
  },
);
