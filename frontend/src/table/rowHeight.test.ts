import { expect, it } from 'vitest';
import { rowHeight } from './rowHeight';

it('gives cards more room than lines, and companies less than visitors', () => {
  expect(rowHeight('visitor', 'card')).toBeGreaterThan(rowHeight('visitor', 'line'));
  expect(rowHeight('company', 'card')).toBeGreaterThan(rowHeight('company', 'line'));
  expect(rowHeight('company', 'line')).toBeLessThan(rowHeight('visitor', 'line'));
});
