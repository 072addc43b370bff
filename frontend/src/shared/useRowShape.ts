import { useMediaQuery } from './useMediaQuery';

/** The shape of a row: a line of columns, or a card where the screen is too narrow for them. */
export type RowShape = 'line' | 'card';

/** The shape of rows at the present window width. Style sheets use the same width, since a media query cannot take it from a variable. */
export function useRowShape(): RowShape {
  return useMediaQuery('(width < 64rem)') ? 'card' : 'line';
}
