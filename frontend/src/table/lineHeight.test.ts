import { expect, it } from 'vitest';
import { lineHeight } from './lineHeight';

it('gives cards more room than lines, and companies less than visitors', () => {
  expect(lineHeight('visitor', 'card')).toBeGreaterThan(lineHeight('visitor', 'line'));
  expect(lineHeight('company', 'card')).toBeGreaterThan(lineHeight('company', 'line'));
  expect(lineHeight('company', 'line')).toBeLessThan(lineHeight('visitor', 'line'));
});
