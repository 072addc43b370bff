import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Live } from './live';

export const LiveContext = createContext<Live | null>(null);

/**
 * What `select` picks from the live store. The component renders again only when that value changes (compared with
 * `Object.is`), so `select` must return a primitive or an object that the store replaces instead of changing.
 */
export function useLive<T>(select: (live: Live) => T): T {
  const live = useLiveStore();
  return useSyncExternalStore(live.subscribe, () => select(live));
}

/** The live store itself, for event handlers; components that use only this never render again because of it. */
export function useLiveStore(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('this component needs a LiveContext around it');
  return live;
}
