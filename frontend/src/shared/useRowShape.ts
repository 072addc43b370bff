import { useSyncExternalStore } from 'react';

/** The shape of a row: a line of columns, or a card where the screen is too narrow for them. */
export type RowShape = 'line' | 'card';

/** Style sheets use the same width, since a media query cannot take it from a variable. */
const narrow = window.matchMedia('(width < 64rem)');

/** The shape of rows at the present window width. */
export function useRowShape(): RowShape {
  return useSyncExternalStore(watch, () => (narrow.matches ? 'card' : 'line'));
}

function watch(changed: () => void): () => void {
  narrow.addEventListener('change', changed);
  return () => narrow.removeEventListener('change', changed);
}
