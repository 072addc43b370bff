import type { Session } from './frame';

/** A visitor as the page holds it. It stays the same object while what is known about the visitor changes. */
export interface Row {
  readonly guid: string;
  /** Replaced, never changed. */
  session: Session;
}

/**
 * How the page learned of a visitor: it saw the visitor `come`; the visitor was `there` when the page opened; or
 * came while the page was `away` from the gateway.
 */
export type Coming = 'come' | 'there' | 'away';

/**
 * Why a visitor is gone, as the gateway says (`closed`, `stale`, `hidden`: must not be shown any longer), or `away` if that happened while the page was
 * away from it.
 */
export type Leaving = string;

/** One thing that a frame did to one row. */
export type Change =
  | { kind: 'came'; row: Row; how: Coming }
  /** The row has its new session already. */
  | { kind: 'changed'; row: Row; before: Session }
  /** Only the last activity has moved. */
  | { kind: 'touched'; row: Row }
  | { kind: 'left'; row: Row; why: Leaving };
