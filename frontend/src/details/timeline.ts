import type { Visit } from '../store/journal';

/** An event at a server time, in milliseconds since the epoch. */
export interface TimelineEvent {
  at: number;
  what: string;
}

const SEEN = {
  live: 'Arrived',
  initial: 'Was already here when this page opened',
  missed: 'Arrived while this page was offline',
} as const;

const LEFT: Record<string, string> = {
  closed: 'Left the website',
  stale: 'Inactive for a while; has probably left',
  missed: 'Left while this page was offline',
};

/** The events of a visit, the latest first. */
export function timelineOf({
  session,
  arrival,
  firstSeenAt,
  identifiedAt,
  activities,
  activityCount,
  left,
}: Visit): TimelineEvent[] {
  const events: TimelineEvent[] = [
    { at: session.openedAt, what: 'Came to the website' },
    { at: firstSeenAt, what: SEEN[arrival] },
  ];
  const [eldest] = activities;
  if (eldest !== undefined && activityCount > activities.length) {
    const more = activityCount - activities.length;
    events.push({ at: eldest, what: `Was active ${more} ${more === 1 ? 'time' : 'times'} before` });
  }
  events.push(...activities.map((at) => ({ at, what: 'Was active' })));
  if (identifiedAt !== null) {
    events.push({
      at: identifiedAt,
      what: session.company ? `Identified as ${session.company.name}` : 'Could not be identified',
    });
  }
  if (left !== null) events.push({ at: left.at, what: LEFT[left.reason] ?? 'Left' });
  // The sort is stable, so simultaneous events keep the order of the list above.
  return events.sort((a, b) => a.at - b.at).reverse();
}
