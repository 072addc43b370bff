import type { HistoryPoint } from '../feed/history';
import type { Live } from './live';

/**
 * Fills the charts each time the page becomes live: when it was opened, and after an interruption, during which it has
 * missed figures.
 */
export function followHistory(live: Live, read: () => Promise<readonly HistoryPoint[]>): void {
  let wasLive = false;
  live.subscribe(() => {
    const isLive = live.status.freshness === 'live';
    if (isLive && !wasLive) void read().then((points) => live.fillHistory(points));
    wasLive = isLive;
  });
}
