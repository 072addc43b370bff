import type { Change, Coming, Leaving } from '../feed/change';
import type { Session } from '../feed/frame';

/** How many of a visitor's last activities are remembered by their time; older ones are counted only. */
export const ACTIVITIES = 12;
/** How many of those who have left are remembered. */
export const DEPARTED = 200;

/** What this page saw of one session; times are the server's, in milliseconds since the epoch. */
export interface Story {
  /** What was known last. */
  session: Session;
  seenAt: number;
  how: Coming;
  /** When it became known who the visitor is, if this page saw that. */
  identifiedAt: number | null;
  /** Times of the last activities that this page saw, the latest at the end. */
  activities: number[];
  /** How many it saw. */
  activityCount: number;
  left: { at: number; why: Leaving } | null;
  /** Changes with each thing that is noted. */
  version: number;
}

/**
 * What this page saw of each session, for the timeline: noted as it happens, bounded for each session and in the
 * number of those who have left.
 */
export class Journal {
  readonly #stories = new Map<string, Story>();
  readonly #departed = new Set<string>();

  /** @param now the server's time of the frame that made the change */
  note(change: Change, now: number): void {
    const { guid, session } = change.row;
    if (change.kind === 'came') {
      this.#begin(guid, session, change.how, now);
      return;
    }
    const story = this.#stories.get(guid);
    if (!story) return;
    story.version += 1;
    // Nothing may be remembered of a visitor who must not be shown any longer.
    if (change.kind === 'left' && change.why === 'hidden') {
      this.#stories.delete(guid);
      return;
    }
    if (change.kind === 'left') {
      story.left = { at: now, why: change.why };
      this.#bury(guid);
      return;
    }
    if (session.company !== null && story.session.company === null) story.identifiedAt = now;
    if (session.lastActivityAt > story.session.lastActivityAt) noteActivity(story, session.lastActivityAt);
    story.session = session;
  }

  story(guid: string): Story | null {
    return this.#stories.get(guid) ?? null;
  }

  /** One who comes back after having gone stale goes on with the same story. */
  #begin(guid: string, session: Session, how: Coming, seenAt: number): void {
    this.#departed.delete(guid);
    const story = this.#stories.get(guid);
    if (story) {
      Object.assign(story, { session, left: null, version: story.version + 1 });
      return;
    }
    this.#stories.set(guid, {
      session,
      seenAt,
      how,
      identifiedAt: null,
      activities: [],
      activityCount: 0,
      left: null,
      version: 0,
    });
  }

  #bury(guid: string): void {
    this.#departed.add(guid);
    if (this.#departed.size <= DEPARTED) return;
    const [eldest] = this.#departed;
    if (eldest === undefined) return;
    this.#departed.delete(eldest);
    this.#stories.delete(eldest);
  }
}

function noteActivity(story: Story, at: number): void {
  story.activities.push(at);
  if (story.activities.length > ACTIVITIES) story.activities.shift();
  story.activityCount += 1;
}
