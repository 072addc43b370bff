import { expect, it } from 'vitest';
import { ArrivalRate } from './arrivalRate';

/** Lets this many arrive per second, and returns whether that is busy afterwards. */
function arrive(
  rate: ArrivalRate,
  from: number,
  perSecond: number,
  seconds: number,
  wasBusy = false,
): boolean {
  for (let n = 0; n < perSecond * seconds; n += 1) rate.add(from + (n * 1_000) / perSecond);
  return rate.isBusy(from + seconds * 1_000 - 1, wasBusy);
}

it.each([
  [3, false],
  [12, false],
  [40, true],
])('%i a second are busy: %s', (perSecond, busy) => {
  expect(arrive(new ArrivalRate(), 5_000, perSecond, 6)).toBe(busy);
});

it('stays busy until clearly fewer arrive', () => {
  const rate = new ArrivalRate();
  expect(arrive(rate, 0, 40, 6)).toBe(true);
  expect(arrive(rate, 6_000, 12, 6, true)).toBe(true);
  expect(arrive(rate, 12_000, 4, 6, true)).toBe(false);
});

it('is calm after a pause', () => {
  const rate = new ArrivalRate();
  expect(arrive(rate, 0, 40, 6)).toBe(true);
  expect(rate.isBusy(60_000, true)).toBe(false);
});

it('does not treat a few simultaneous arrivals as busy', () => {
  const rate = new ArrivalRate();
  for (let n = 0; n < 20; n += 1) rate.add(1_000);
  expect(rate.isBusy(1_000, false)).toBe(false);
});
