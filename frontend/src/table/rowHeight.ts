import type { CSSProperties } from 'react';
import type { Line } from '../listing/lines';
import type { RowShape } from '../shared/useRowShape';

/** Heights in rem; the style sheet takes them from `heightVariables`. */
const ROWS = {
  line: { visitor: 3.75, company: 2.75 },
  card: { visitor: 5.5, company: 3.5 },
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

/** The heights as custom properties for the style sheet. */
export function heightVariables(shape: RowShape): CSSProperties {
  return {
    '--visitor-height': `${rowHeight('visitor', shape)}rem`,
    '--company-height': `${rowHeight('company', shape)}rem`,
    '--headings-height': `${headingsHeight(shape)}rem`,
  } as CSSProperties;
}
