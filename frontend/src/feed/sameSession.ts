import type { Session } from './frame';

/** Whether two sessions are equal. Both passed the same validation, so their fields are in the same order. */
export function sameSession(one: Session, other: Session): boolean {
  return (
    one.lastActivityAt === other.lastActivityAt &&
    one.openedAt === other.openedAt &&
    JSON.stringify(one) === JSON.stringify(other)
  );
}
