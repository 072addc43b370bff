import { beforeEach, expect, it } from 'vitest';
import type { HistoryPoint } from '../feed/history';
import { aSession, NOW, someStats } from '../testing/samples';
import { HISTORY_SECONDS, POINT_SECONDS, type Series, StatsHistory } from './statsHistory';

/** The beginning of a point. */
const START = NOW / 1_000;
const visitor = { guid: 'a', session: aSession() };

let statsHistory: StatsHistory;

beforeEach(() => {
  statsHistory = new StatsHistory();
});

function come(count: number): void {
  for (; count > 0; count -= 1) statsHistory.apply({ kind: 'came', visitor, arrival: 'live' });
}

/** Samples a second, counted from `START`. */
function sample(second: number, stats: Parameters<StatsHistory['sample']>[1] = someStats()): void {
  statsHistory.sample(NOW + second * 1_000, stats);
}

/** The points as seconds since `START`, with one of their figures. */
function points(name: Series): [second: number, value: number | null | undefined][] {
  return statsHistory.points.map(({ second, values }) => [second - START, values?.[name]]);
}

function aPoint(second: number, point: Partial<HistoryPoint> = {}): HistoryPoint {
  const { activeSessions, beingIdentified, companies, averageVisitorsPerCompany, averageSessionSeconds } =
    someStats();
  return {
    at: NOW + second * 1_000,
    ...{ activeSessions, beingIdentified, companies, averageVisitorsPerCompany, averageSessionSeconds },
    arrivalsPerSecond: 0,
    departuresPerSecond: 0,
    ...point,
  };
}

it('has the last figures of every ten seconds', () => {
  for (let second = 0; second < 25; second += 1) sample(second, someStats({ activeSessions: second }));
  expect(points('active')).toEqual([
    [0, 9],
    [10, 19],
    [20, 24],
  ]);
});

it('has no averages over nobody', () => {
  sample(0, someStats({ activeSessions: 4, companies: 2, averageVisitorsPerCompany: 2 }));
  sample(10);
  expect(points('perCompany')).toEqual([
    [0, 2],
    [10, null],
  ]);
});

it('counts arrivals and departures seen live', () => {
  statsHistory.apply({ kind: 'came', visitor, arrival: 'initial' });
  statsHistory.apply({ kind: 'came', visitor, arrival: 'missed' });
  statsHistory.apply({ kind: 'left', visitor, reason: 'missed' });
  come(2);
  statsHistory.apply({ kind: 'left', visitor, reason: 'closed' });
  sample(0);
  sample(1);
  expect(points('arrivals')).toEqual([[0, 1]]);
  expect(points('departures')).toEqual([[0, 0.5]]);
  expect(statsHistory.rate('arrivals')).toBe(1);
});

it('averages rates over the last seconds only', () => {
  come(100);
  sample(0);
  for (let second = 1; second <= 10; second += 1) sample(second);
  expect(statsHistory.rate('arrivals')).toBe(0);
});

it('spreads counts over the seconds without a sample in a hidden tab', () => {
  sample(0);
  come(6);
  sample(3);
  expect(statsHistory.rate('arrivals')).toBe(1);
});

it('has no figures while the view was stale', () => {
  sample(0, null);
  sample(10);
  sample(11, null);
  expect(points('active')).toEqual([
    [0, undefined],
    [10, 0],
  ]);
});

it('is limited to the last hour', () => {
  for (let second = 0; second < HISTORY_SECONDS + 50; second += 10) sample(second);
  expect(statsHistory.points).toHaveLength(HISTORY_SECONDS / POINT_SECONDS);
  expect(statsHistory.points.at(-1)?.second).toBe(START + HISTORY_SECONDS + 40);
});

it('drops the future if another gateway’s clock is behind', () => {
  for (let second = 0; second <= 30; second += 10) sample(second);
  sample(15);
  expect(points('active').map(([second]) => second)).toEqual([0, 10]);
});

it('has no rate before the first sample', () => {
  expect(statsHistory.rate('departures')).toBeNull();
});

it('begins with what the gateway knows', () => {
  sample(1, someStats({ activeSessions: 7 }));
  statsHistory.fill([
    aPoint(-10, { activeSessions: 5 }),
    aPoint(0, { activeSessions: 6, arrivalsPerSecond: 3 }),
  ]);
  expect(points('active')).toEqual([
    [-20, 5],
    [-10, 6],
    [0, 7],
  ]);
  expect(points('arrivals').map(([, value]) => value)).toEqual([0, 3, 0]);
});

it('fills in only what this page has missed', () => {
  sample(0, someStats({ activeSessions: 1 }));
  sample(10, null);
  sample(40, someStats({ activeSessions: 4 }));
  statsHistory.fill([10, 20, 30, 40].map((second) => aPoint(second, { activeSessions: 9 })));
  expect(points('active')).toEqual([
    [0, 1],
    [10, 9],
    [20, 9],
    [30, 9],
    [40, 4],
  ]);
});

it('takes nothing from the gateway that is too old', () => {
  sample(0);
  statsHistory.fill([aPoint(-HISTORY_SECONDS)]);
  expect(points('active')).toEqual([[0, 0]]);
});
