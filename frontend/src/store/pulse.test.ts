import { beforeEach, expect, it } from 'vitest';
import { aSession, NOW, someStats } from '../testing/samples';
import { Pulse, SPAN } from './pulse';

const SECOND = NOW / 1_000;
const row = { guid: 'a', session: aSession() };

let pulse: Pulse;

beforeEach(() => {
  pulse = new Pulse();
});

it('takes a sample a second', () => {
  const stats = someStats({ activeSessions: 4, companies: 2, averageVisitorsPerCompany: 2 });
  pulse.sample(NOW + 10, stats);
  pulse.sample(NOW + 990, someStats());
  pulse.sample(NOW + 1_000, someStats());
  expect(pulse.seconds).toEqual([SECOND, SECOND + 1]);
  expect(pulse.traces.active).toEqual([4, 0]);
  expect(pulse.traces.perCompany).toEqual([2, null]);
});

it('counts who comes and goes before its eyes', () => {
  pulse.note({ kind: 'came', row, how: 'there' });
  pulse.note({ kind: 'came', row, how: 'away' });
  pulse.note({ kind: 'left', row, why: 'away' });
  pulse.note({ kind: 'came', row, how: 'come' });
  pulse.note({ kind: 'came', row, how: 'come' });
  pulse.note({ kind: 'left', row, why: 'closed' });
  pulse.sample(NOW, someStats());
  pulse.sample(NOW + 1_000, someStats());
  expect(pulse.traces.arrivals).toEqual([2, 0]);
  expect(pulse.traces.departures).toEqual([1, 0]);
  expect(pulse.rate('arrivals')).toBe(1);
});

it('spreads what came over the seconds in which a hidden page took no sample', () => {
  pulse.sample(NOW, someStats());
  for (let count = 0; count < 6; count += 1) pulse.note({ kind: 'came', row, how: 'come' });
  pulse.sample(NOW + 3_000, someStats());
  expect(pulse.traces.arrivals).toEqual([0, 2]);
});

it('knows nothing of a time in which the view was stale or the page asleep', () => {
  pulse.sample(NOW, someStats());
  pulse.sample(NOW + 1_000, null);
  pulse.sample(NOW + 60_000, someStats());
  expect(pulse.seconds).toEqual([SECOND, SECOND + 1, SECOND + 2, SECOND + 60]);
  expect(pulse.traces.active).toEqual([0, null, null, 0]);
});

it('goes back some minutes and no further', () => {
  for (let second = 0; second < SPAN + 50; second += 1) pulse.sample(NOW + second * 1_000, someStats());
  expect(pulse.seconds).toHaveLength(SPAN);
  expect(pulse.traces.duration).toHaveLength(SPAN);
  expect(pulse.seconds.at(-1)).toBe(SECOND + SPAN + 49);
});

it('starts anew where another gateway’s clock is behind', () => {
  pulse.sample(NOW, someStats());
  pulse.sample(NOW - 5_000, someStats());
  expect(pulse.seconds).toEqual([SECOND - 5]);
});

it('knows no rate before the first sample', () => {
  expect(pulse.rate('departures')).toBeNull();
});
