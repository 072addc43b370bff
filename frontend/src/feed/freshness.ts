/** Milliseconds without a frame after which the view counts as stale; the gateway sends one a second. */
export const STALE_AFTER = 3_000;

/**
 * How up to date the page is: `connecting` before the first frame, `live`, `interrupted` while the gateway is cut off
 * from the website, `reconnecting` while the connection is down, and `stale` after `STALE_AFTER` without a frame.
 */
export type Freshness = 'connecting' | 'live' | 'interrupted' | 'reconnecting' | 'stale';

/**
 * @param connected whether the present connection has brought an accepted frame
 * @param hadFrame whether any connection has
 * @param silentFor milliseconds since the last accepted frame
 * @param isInterrupted whether the gateway says that it is cut off from the website
 */
export function judgeFreshness(
  connected: boolean,
  hadFrame: boolean,
  silentFor: number,
  isInterrupted: boolean,
): Freshness {
  if (!hadFrame) return 'connecting';
  if (silentFor >= STALE_AFTER) return 'stale';
  if (!connected) return 'reconnecting';
  return isInterrupted ? 'interrupted' : 'live';
}
