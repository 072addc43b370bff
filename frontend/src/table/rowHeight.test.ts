import { expect, it } from 'vitest';
import { maxRows, rowHeight } from './rowHeight';

it('gives cards more room than lines', () => {
  expect(rowHeight('visitor', 'card')).toBeGreaterThan(rowHeight('visitor', 'line'));
  expect(rowHeight('company', 'card')).toBeGreaterThan(rowHeight('company', 'line'));
});

it.each([48, 57, 100])('lists no more rows of %i pixels than browsers can lay out', (height) => {
  expect(maxRows(height) * height).toBeLessThan(17_000_000);
  expect(maxRows(height)).toBeGreaterThan(100_000);
});
