import type { CSSProperties } from 'react';
import type { Line } from '../listing/lines';
import type { RowShape } from '../shared/useRowShape';

/** Heights in rem; the style sheet takes them from `heightVariables`. */
const ROWS = {
  line: { visitor: 3, company: 3 },
  card: { visitor: 6.25, company: 3.25 },
} as const;
/** The column headings cover the rows behind them; cards have none. */
const HEADINGS = { line: 2.25, card: 0 } as const;

/**
 * The height of a row, in rem.
 *
 * It does not depend on what is known about a visitor. So rows need not be measured, none grows when more becomes
 * known, and the scroll position stays right while thousands of rows that were never rendered come and go.
 */
export function rowHeight(kind: Line['kind'], shape: RowShape): number {
  return ROWS[shape][kind];
}

/** The height of the column headings, in rem. */
export function headingsHeight(shape: RowShape): number {
  return HEADINGS[shape];
}

/**
 * Browsers end an element after some 17 million pixels, and would show rows beyond that in the wrong place, or never.
 */
const MAX_HEIGHT = 15_000_000;

/** How many rows can be listed at a row height in pixels. */
export function maxRows(height: number): number {
  return Math.floor(MAX_HEIGHT / height);
}

/** The heights as custom properties for the style sheet. */
export function heightVariables(shape: RowShape): CSSProperties {
  return {
    '--visitor-height': `${rowHeight('visitor', shape)}rem`,
    '--company-height': `${rowHeight('company', shape)}rem`,
    '--headings-height': `${headingsHeight(shape)}rem`,
  } as CSSProperties;
}
