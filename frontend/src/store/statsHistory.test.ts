import { beforeEach, expect, it } from 'vitest';
import { aSession, NOW, someStats } from '../testing/samples';
import { StatsHistory, HISTORY_SECONDS } from './statsHistory';

const SECOND = NOW / 1_000;
const visitor = { guid: 'a', session: aSession() };

let statsHistory: StatsHistory;

beforeEach(() => {
  statsHistory = new StatsHistory();
});

it('records one sample a second', () => {
  const stats = someStats({ activeSessions: 4, companies: 2, averageVisitorsPerCompany: 2 });
  statsHistory.sample(NOW + 10, stats);
  statsHistory.sample(NOW + 990, someStats());
  statsHistory.sample(NOW + 1_000, someStats());
  expect(statsHistory.seconds).toEqual([SECOND, SECOND + 1]);
  expect(statsHistory.series.active).toEqual([4, 0]);
  expect(statsHistory.series.perCompany).toEqual([2, null]);
});

it('counts arrivals and departures seen live', () => {
  statsHistory.apply({ kind: 'came', visitor, arrival: 'initial' });
  statsHistory.apply({ kind: 'came', visitor, arrival: 'missed' });
  statsHistory.apply({ kind: 'left', visitor, reason: 'missed' });
  statsHistory.apply({ kind: 'came', visitor, arrival: 'live' });
  statsHistory.apply({ kind: 'came', visitor, arrival: 'live' });
  statsHistory.apply({ kind: 'left', visitor, reason: 'closed' });
  statsHistory.sample(NOW, someStats());
  statsHistory.sample(NOW + 1_000, someStats());
  expect(statsHistory.series.arrivals).toEqual([2, 0]);
  expect(statsHistory.series.departures).toEqual([1, 0]);
  expect(statsHistory.rate('arrivals')).toBe(1);
});

it('spreads counts over the seconds without a sample in a hidden tab', () => {
  statsHistory.sample(NOW, someStats());
  for (let count = 0; count < 6; count += 1) statsHistory.apply({ kind: 'came', visitor, arrival: 'live' });
  statsHistory.sample(NOW + 3_000, someStats());
  expect(statsHistory.series.arrivals).toEqual([0, 2]);
});

it('has a gap while the view was stale or the computer asleep', () => {
  statsHistory.sample(NOW, someStats());
  statsHistory.sample(NOW + 1_000, null);
  statsHistory.sample(NOW + 60_000, someStats());
  expect(statsHistory.seconds).toEqual([SECOND, SECOND + 1, SECOND + 2, SECOND + 60]);
  expect(statsHistory.series.active).toEqual([0, null, null, 0]);
});

it('is limited to the last minutes', () => {
  for (let second = 0; second < HISTORY_SECONDS + 50; second += 1)
    statsHistory.sample(NOW + second * 1_000, someStats());
  expect(statsHistory.seconds).toHaveLength(HISTORY_SECONDS);
  expect(statsHistory.series.duration).toHaveLength(HISTORY_SECONDS);
  expect(statsHistory.seconds.at(-1)).toBe(SECOND + HISTORY_SECONDS + 49);
});

it('restarts if another gateway’s clock is behind', () => {
  statsHistory.sample(NOW, someStats());
  statsHistory.sample(NOW - 5_000, someStats());
  expect(statsHistory.seconds).toEqual([SECOND - 5]);
});

it('has no rate before the first sample', () => {
  expect(statsHistory.rate('departures')).toBeNull();
});
