import { expect, it } from 'vitest';
import { judgeFreshness, STALE_AFTER } from './freshness';

it.each([
  ['before the first frame, however long', false, false, 60_000, 'connecting'],
  ['while frames come', true, true, 900, 'live'],
  ['while the line is down for a moment', false, true, 900, 'reconnecting'],
  ['when the line is down for long', false, true, STALE_AFTER, 'stale'],
  ['when the line is up but silent for long', true, true, STALE_AFTER, 'stale'],
] as const)('judges the view %s', (_, linkUp, heardBefore, silentFor, freshness) => {
  expect(judgeFreshness(linkUp, heardBefore, silentFor)).toBe(freshness);
});
