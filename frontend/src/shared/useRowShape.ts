import { useSyncExternalStore } from 'react';
import type { RowShape } from '../table/lineHeight';

/** As in table.css. */
const narrow = window.matchMedia('(width < 64rem)');

/** The shape that rows have on this screen, now. */
export function useRowShape(): RowShape {
  return useSyncExternalStore(watch, () => (narrow.matches ? 'card' : 'line'));
}

function watch(changed: () => void): () => void {
  narrow.addEventListener('change', changed);
  return () => narrow.removeEventListener('change', changed);
}
