import type { Session } from './frame';

/**
 * Whether two messages say the same of a visitor. Both come from the same check of the same protocol, so that
 * their fields stand in the same order.
 */
export function sameSession(one: Session, other: Session): boolean {
  return (
    one.lastActivityAt === other.lastActivityAt &&
    one.openedAt === other.openedAt &&
    JSON.stringify(one) === JSON.stringify(other)
  );
}
