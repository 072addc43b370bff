import type { Session } from './frame';

/** A visitor on the page. The object stays the same while the session is replaced. */
export interface Visitor {
  readonly guid: string;
  /** Replaced, never mutated. */
  session: Session;
}

/**
 * How the page learned of a visitor: `live` in a delta, `initial` in its first snapshot, or `missed` in a later
 * snapshot, after the connection had been down.
 */
export type Arrival = 'live' | 'initial' | 'missed';

/**
 * Why a visitor is gone: the gateway's reason (`closed`, `stale`, or `hidden` for one who must no longer be shown),
 * or `missed` if the page learned of it from a later snapshot.
 */
export type DepartureReason = string;

/** One change that a frame makes to one visitor. */
export type Change =
  | { kind: 'came'; visitor: Visitor; arrival: Arrival }
  /** `visitor` holds the new session already. */
  | { kind: 'changed'; visitor: Visitor; before: Session }
  /** Only the time of the last activity has changed. */
  | { kind: 'touched'; visitor: Visitor }
  | { kind: 'left'; visitor: Visitor; reason: DepartureReason };
