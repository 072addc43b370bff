import type { Change, Arrival, DepartureReason } from '../feed/change';
import type { Page, Session } from '../feed/frame';

/** How many activities of a visit are kept with their times; earlier ones are only counted. */
export const MAX_ACTIVITIES = 12;
/** How many pages of a visit are kept; earlier ones are forgotten. */
export const MAX_PAGES = 20;
/** How many visits are kept after the visitor has left. */
export const MAX_DEPARTED = 200;

/** What this page has seen of one session; times are the server's, in milliseconds since the epoch. */
export interface Visit {
  /** The last known state. */
  session: Session;
  firstSeenAt: number;
  arrival: Arrival;
  /** When the visitor was identified, if this page saw that. */
  identifiedAt: number | null;
  /** Times of the latest activities, in ascending order. */
  activities: number[];
  /** Number of activities that this page saw. */
  activityCount: number;
  /** The pages of the website that the visitor was on, in ascending order of time. */
  pages: { at: number; page: Page }[];
  left: { at: number; reason: DepartureReason } | null;
  /** Incremented with each change. */
  version: number;
}

/**
 * What this page has seen of each session, for the timeline. Both the activities per session and the visits of those
 * who have left are limited.
 */
export class Journal {
  readonly #visits = new Map<string, Visit>();
  readonly #departed = new Set<string>();
  #pinned: string | null = null;

  /** @param now the server's time of the frame */
  record(change: Change, now: number): void {
    const { guid, session } = change.visitor;
    if (change.kind === 'came') {
      this.#begin(guid, session, change.arrival, now);
      return;
    }
    const visit = this.#visits.get(guid);
    if (!visit) return;
    visit.version += 1;
    // A visitor who must no longer be shown leaves no trace.
    if (change.kind === 'left' && change.reason === 'hidden') {
      this.#visits.delete(guid);
      return;
    }
    if (change.kind === 'left') {
      visit.left = { at: now, reason: change.reason };
      this.#markDeparted(guid);
      return;
    }
    notePage(visit, session);
    if (session.company !== null && visit.session.company === null) visit.identifiedAt = now;
    if (session.lastActivityAt > visit.session.lastActivityAt) noteActivity(visit, session.lastActivityAt);
    visit.session = session;
  }

  /** Keeps the visit that the reader looks at, however many others end meanwhile; null for none. */
  pin(guid: string | null): void {
    this.#pinned = guid;
  }

  visit(guid: string): Visit | null {
    return this.#visits.get(guid) ?? null;
  }

  /** A visitor who returns after having become stale continues the same visit. */
  #begin(guid: string, session: Session, arrival: Arrival, firstSeenAt: number): void {
    this.#departed.delete(guid);
    const visit = this.#visits.get(guid);
    if (visit) {
      notePage(visit, session);
      Object.assign(visit, { session, left: null, version: visit.version + 1 });
      return;
    }
    this.#visits.set(guid, {
      session,
      firstSeenAt,
      arrival,
      identifiedAt: null,
      activities: [],
      activityCount: 0,
      pages: session.page === undefined ? [] : [{ at: session.lastActivityAt, page: session.page }],
      left: null,
      version: 0,
    });
  }

  #markDeparted(guid: string): void {
    this.#departed.add(guid);
    if (this.#departed.size <= MAX_DEPARTED) return;
    let oldest: string | undefined;
    for (const departed of this.#departed) {
      if (departed === this.#pinned) continue;
      oldest = departed;
      break;
    }
    if (oldest === undefined) return;
    this.#departed.delete(oldest);
    this.#visits.delete(oldest);
  }
}

function noteActivity(visit: Visit, at: number): void {
  visit.activities.push(at);
  if (visit.activities.length > MAX_ACTIVITIES) visit.activities.shift();
  visit.activityCount += 1;
}

function notePage(visit: Visit, { page, lastActivityAt }: Session): void {
  if (page === undefined) return;
  const last = visit.pages.at(-1);
  if (last?.page.url === page.url) {
    // A script may set the title late.
    last.page = page;
    return;
  }
  visit.pages.push({ at: lastActivityAt, page });
  if (visit.pages.length > MAX_PAGES) visit.pages.shift();
}
