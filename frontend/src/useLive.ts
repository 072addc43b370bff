import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Live, Moment } from './live';
import type { View } from './view';

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

function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('this component needs a LiveContext around it');
  return live;
}
