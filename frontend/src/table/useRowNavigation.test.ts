import { expect, it } from 'vitest';
import { targetOf } from './useRowNavigation';

it.each([
  ['ArrowDown', 3, 4],
  ['ArrowUp', 3, 2],
  ['PageDown', 3, 8],
  ['PageUp', 3, 0],
  ['Home', 3, 0],
  ['End', 3, 99],
  ['ArrowDown', 99, 99],
  ['ArrowUp', 0, 0],
  ['ArrowDown', -1, 0],
  ['x', 3, null],
])('%s leads from %i to %s', (key, index, target) => {
  expect(targetOf(key, index, 100, 5)).toBe(target);
});
