import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Live, Moment } from './live';
import type { View } from '../feed/view';

export const LiveContext = createContext<Live | null>(null);

/** What `select` picks from the present moment; renders anew only when that changes. */
export function useMoment<T extends string | number | null>(select: (moment: Moment) => T): T {
  const live = useLive();
  return useSyncExternalStore(live.watch, () => select(live.moment));
}

/** What `select` picks from the view; renders anew only when that changes. */
export function useView<T>(select: (view: View) => T): T {
  const live = useLive();
  return useSyncExternalStore(live.watch, () => select(live.view));
}

/** What `select` picks from all that the page keeps; renders anew only when that changes. */
export function useFrom<T>(select: (live: Live) => T): T {
  const live = useLive();
  return useSyncExternalStore(live.watch, () => select(live));
}

/** The live view itself, for what the reader does; it never changes, so that nothing is rendered for it. */
export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('this component needs a LiveContext around it');
  return live;
}
