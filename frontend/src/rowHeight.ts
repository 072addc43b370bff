import type { Session } from './frame';

/** The shape of a row: a line of columns, or a card where the screen is too narrow for them. */
export type RowShape = 'line' | 'card';

/** Both as in visitors.css, in rem. */
const LINE_HEIGHT = 1.5;
const PADDING = 1;

/**
 * The height of a session's row, in rem.
 *
 * It follows from how many lines the row has, none of which ever wraps, so that rows need not be measured and
 * the table keeps its place while thousands of them, never rendered, come and go.
 */
export function rowHeight(session: Session, shape: RowShape): number {
  return PADDING + LINE_HEIGHT * (shape === 'line' ? linesInLine(session) : linesInCard(session));
}

/** Each column is a stack; the columns of company, contact and IP need two lines. */
function linesInLine({ contact }: Session): number {
  return Math.max(2, contact?.emailAddresses.length ?? 0, contact?.phoneNumbers.length ?? 0);
}

/**
 * All below each other: company and domain (beside them the times), contact, title, addresses, numbers, IP.
 */
function linesInCard({ contact }: Session): number {
  if (contact === null) return 3;
  const title = contact.title === undefined ? 0 : 1;
  return 4 + title + contact.emailAddresses.length + contact.phoneNumbers.length;
}
