import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Company } from '../feed/frame';
import type { Notifications, NotificationState } from './notifications';
import type { Watchlist } from './watchlist';
import type { WatchMonitor } from './watchMonitor';

export interface Watch {
  watchlist: Watchlist;
  monitor: WatchMonitor;
  notifications: Notifications;
}

export const WatchContext = createContext<Watch | null>(null);

export function useWatch(): Watch {
  const watch = useContext(WatchContext);
  if (watch === null) throw new Error('this component needs a WatchContext around it');
  return watch;
}

export function useWatched(): ReadonlySet<string> {
  const { watchlist } = useWatch();
  return useSyncExternalStore(watchlist.subscribe, () => watchlist.domains);
}

/** Whether a company is on the watchlist; renders again only when that changes. */
export function useIsWatched(company: Company | null): boolean {
  const { watchlist } = useWatch();
  return useSyncExternalStore(watchlist.subscribe, () => company !== null && watchlist.includes(company));
}

export function useNotificationState(): NotificationState {
  const { notifications } = useWatch();
  return useSyncExternalStore(notifications.subscribe, () => notifications.state);
}
