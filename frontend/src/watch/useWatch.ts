import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Company } from '../feed/frame';
import type { Notifications, NotificationState } from './notifications';
import type { Watchlists } from './watchlist';
import type { WatchMonitor } from './watchMonitor';

export interface Watch {
  watchlists: Watchlists;
  monitor: WatchMonitor;
  notifications: Notifications;
}

export const WatchContext = createContext<Watch | null>(null);

export function useWatch(): Watch {
  const watch = useContext(WatchContext);
  if (watch === null) throw new Error('this component needs a WatchContext around it');
  return watch;
}

/** The domains on the reader's own list. */
export function useWatched(): ReadonlySet<string> {
  const { own } = useWatch().watchlists;
  return useSyncExternalStore(own.subscribe, () => own.domains);
}

/** The entries of the team's list. */
export function useTeamEntries(): readonly string[] {
  const { team } = useWatch().watchlists;
  return useSyncExternalStore(team.subscribe, () => team.entries);
}

/** Whether a company is on either list; renders again only when that changes. */
export function useIsWatched(company: Company | null): boolean {
  const { watchlists } = useWatch();
  return useSyncExternalStore(watchlists.subscribe, () => company !== null && watchlists.includes(company));
}

/** Whether a company is on the reader's own list. */
export function useIsOnOwnList(company: Company): boolean {
  const { own } = useWatch().watchlists;
  return useSyncExternalStore(own.subscribe, () => own.includes(company));
}

/** Whether a company is on the team's list. */
export function useIsOnTeamList(company: Company): boolean {
  const { team } = useWatch().watchlists;
  return useSyncExternalStore(team.subscribe, () => team.includes(company));
}

export function useNotificationState(): NotificationState {
  const { notifications } = useWatch();
  return useSyncExternalStore(notifications.subscribe, () => notifications.state);
}
