import type { Story } from '../store/journal';

/** One thing that happened, at a server's time in milliseconds since the epoch. */
export interface Happening {
  at: number;
  what: string;
}

const SEEN = {
  come: 'Arrived before the eyes of this page',
  there: 'Was there when this page opened',
  away: 'Arrived while this page was away from the gateway',
} as const;

const LEFT: Record<string, string> = {
  closed: 'Left the website',
  stale: 'Gone silent, taken to have left',
  away: 'Left while this page was away from the gateway',
};

/** What this page knows of a session, the latest first. */
export function timelineOf({
  session,
  how,
  seenAt,
  identifiedAt,
  activities,
  activityCount,
  left,
}: Story): Happening[] {
  const happenings: Happening[] = [
    { at: session.openedAt, what: 'Opened the session' },
    { at: seenAt, what: SEEN[how] },
  ];
  const [eldest] = activities;
  if (eldest !== undefined && activityCount > activities.length) {
    const more = activityCount - activities.length;
    happenings.push({ at: eldest, what: `Was active ${more} ${more === 1 ? 'time' : 'times'} before` });
  }
  happenings.push(...activities.map((at) => ({ at, what: 'Was active' })));
  if (identifiedAt !== null) {
    happenings.push({ at: identifiedAt, what: `Identified as ${session.company?.name ?? 'nobody known'}` });
  }
  if (left !== null) happenings.push({ at: left.at, what: LEFT[left.why] ?? 'Left' });
  // Stable, so that of what happened in one moment the later line stays the later.
  return happenings.sort((a, b) => a.at - b.at).reverse();
}
