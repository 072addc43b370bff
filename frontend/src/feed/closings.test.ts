import { beforeEach, expect, it } from 'vitest';
import { NOW } from '../testing/samples';
import { Closings, MAX_CLOSINGS, RETENTION } from './closings';

let closings: Closings;

beforeEach(() => {
  closings = new Closings();
});

it('are remembered for ten minutes after they were last reported', () => {
  closings.add('again', NOW);
  closings.add('once', NOW + 1);
  closings.add('again', NOW + 2);
  closings.forget(NOW + RETENTION);
  expect([closings.has('once'), closings.has('again')]).toEqual([true, true]);
  closings.forget(NOW + RETENTION + 1);
  expect([closings.has('once'), closings.has('again')]).toEqual([false, true]);
  closings.forget(NOW + RETENTION + 2);
  expect(closings.size).toBe(0);
});

it('are limited in number, and the oldest are dropped', () => {
  for (let closed = 0; closed < MAX_CLOSINGS + 2; closed += 1) closings.add(`g${closed}`, NOW);
  closings.forget(NOW);
  expect(closings.size).toBe(MAX_CLOSINGS);
  expect(['g0', 'g1', 'g2'].map((guid) => closings.has(guid))).toEqual([false, false, true]);
});
