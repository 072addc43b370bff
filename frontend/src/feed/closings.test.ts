import { beforeEach, expect, it } from 'vitest';
import { NOW } from '../testing/samples';
import { Closings, MOST_CLOSINGS, REMEMBERED } from './closings';

let closings: Closings;

beforeEach(() => {
  closings = new Closings();
});

it('are remembered for ten minutes after they were last told of', () => {
  closings.note('again', NOW);
  closings.note('once', NOW + 1);
  closings.note('again', NOW + 2);
  closings.forget(NOW + REMEMBERED);
  expect([closings.has('once'), closings.has('again')]).toEqual([true, true]);
  closings.forget(NOW + REMEMBERED + 1);
  expect([closings.has('once'), closings.has('again')]).toEqual([false, true]);
  closings.forget(NOW + REMEMBERED + 2);
  expect(closings.size).toBe(0);
});

it('are bounded in number, and the oldest go first', () => {
  for (let closed = 0; closed < MOST_CLOSINGS + 2; closed += 1) closings.note(`g${closed}`, NOW);
  closings.forget(NOW);
  expect(closings.size).toBe(MOST_CLOSINGS);
  expect(['g0', 'g1', 'g2'].map((guid) => closings.has(guid))).toEqual([false, false, true]);
});
