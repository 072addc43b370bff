/**
 * The gateway sends a frame each second at least, so after this many milliseconds without one something is
 * wrong.
 */
export const STALE_AFTER = 3_000;

/**
 * How far the page can be believed: `connecting` before the first frame, `live` while frames come,
 * `interrupted` while frames come from a gateway that is cut off from the website, `reconnecting` while the
 * line is down for a moment, `stale` when what is shown has not been heard of for too long.
 */
export type Freshness = 'connecting' | 'live' | 'interrupted' | 'reconnecting' | 'stale';

/**
 * Judges the freshness of the view.
 *
 * @param linkUp whether the present connection has brought a frame of use
 * @param heardBefore whether any connection ever has
 * @param silentFor milliseconds since the last frame of use
 * @param isInterrupted whether the gateway says that it is cut off from the website
 */
export function judgeFreshness(
  linkUp: boolean,
  heardBefore: boolean,
  silentFor: number,
  isInterrupted: boolean,
): Freshness {
  if (!heardBefore) return 'connecting';
  if (silentFor >= STALE_AFTER) return 'stale';
  if (!linkUp) return 'reconnecting';
  return isInterrupted ? 'interrupted' : 'live';
}
