import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Company } from '../feed/frame';
import type { Lookout } from './lookout';
import type { Notices, NoticeState } from './notices';
import type { Watchlist } from './watchlist';

/** All that belongs to the watchlist. */
export interface Watch {
  watchlist: Watchlist;
  lookout: Lookout;
  notices: Notices;
}

export const WatchContext = createContext<Watch | null>(null);

export function useWatch(): Watch {
  const watch = useContext(WatchContext);
  if (watch === null) throw new Error('this component needs a WatchContext around it');
  return watch;
}

/** The domains on the watchlist. */
export function useWatched(): ReadonlySet<string> {
  const { watchlist } = useWatch();
  return useSyncExternalStore(watchlist.watch, () => watchlist.domains);
}

/** Whether a company is on the watchlist; renders anew only when that changes. */
export function useIsWatched(company: Company | null): boolean {
  const { watchlist } = useWatch();
  return useSyncExternalStore(watchlist.watch, () => company !== null && watchlist.holds(company));
}

export function useNoticeState(): NoticeState {
  const { notices } = useWatch();
  return useSyncExternalStore(notices.watch, () => notices.state);
}
