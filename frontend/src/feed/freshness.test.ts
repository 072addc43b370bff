import { expect, it } from 'vitest';
import { judgeFreshness, STALE_AFTER } from './freshness';

it.each([
  ['before the first frame, however long', false, false, 60_000, false, 'connecting'],
  ['while frames come', true, true, 900, false, 'live'],
  ['while frames come from a gateway that is cut off', true, true, 900, true, 'interrupted'],
  ['while the line is down for a moment', false, true, 900, true, 'reconnecting'],
  ['when the line is down for long', false, true, STALE_AFTER, false, 'stale'],
  ['when the line is up but silent for long', true, true, STALE_AFTER, true, 'stale'],
] as const)('judges the view %s', (_, connected, hadFrame, silentFor, isInterrupted, freshness) => {
  expect(judgeFreshness(connected, hadFrame, silentFor, isInterrupted)).toBe(freshness);
});
