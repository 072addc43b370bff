import type { Arrival } from '../feed/change';
import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';
import type { Visit } from '../store/journal';

/** An event at a server time, in milliseconds since the epoch. */
export interface TimelineEvent {
  at: number;
  what: string;
}

/** A visitor who arrived while the page watched came to the website, and nothing else is to be said. */
const SEEN: Record<Arrival, MessageKey | null> = {
  live: null,
  initial: 'seenInitial',
  missed: 'seenMissed',
};

const LEFT: Record<string, MessageKey> = {
  closed: 'leftClosed',
  stale: 'leftStale',
  missed: 'leftMissed',
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
  const events: TimelineEvent[] = [{ at: session.openedAt, what: t('cameToWebsite') }];
  const seen = SEEN[arrival];
  if (seen !== null) events.push({ at: firstSeenAt, what: t(seen) });
  const [eldest] = activities;
  if (eldest !== undefined && activityCount > activities.length) {
    const more = activityCount - activities.length;
    events.push({ at: eldest, what: t('wasActiveBefore', { count: more }) });
  }
  events.push(...activities.map((at) => ({ at, what: t('wasActive') })));
  if (identifiedAt !== null) {
    events.push({
      at: identifiedAt,
      what: session.company
        ? t('identifiedAs', { company: session.company.name })
        : t('couldNotBeIdentified'),
    });
  }
  if (left !== null) events.push({ at: left.at, what: t(LEFT[left.reason] ?? 'leftMark') });
  // The sort is stable, so simultaneous events keep the order of the list above.
  return events.sort((a, b) => a.at - b.at).reverse();
}
