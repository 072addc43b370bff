import type { Line } from '../listing/listing';

/** The shape of a row: a line of columns, or a card where the screen is too narrow for them. */
export type RowShape = 'line' | 'card';

/** As in table.css, in rem. */
const HEIGHTS = {
  line: { visitor: 3.75, company: 2.75 },
  card: { visitor: 5.5, company: 3.5 },
} as const;

/**
 * The height of a line of the table, in rem.
 *
 * It depends on nothing that is known about a visitor, so that rows need not be measured, no news makes a row
 * higher, and the table keeps its place while thousands of rows, never rendered, come and go.
 */
export function lineHeight(kind: Line['kind'], shape: RowShape): number {
  return HEIGHTS[shape][kind];
}
