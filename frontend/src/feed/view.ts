import type { Change, Visitor } from './change';
import { Closings } from './closings';
import type { Delta, Frame, Session, Snapshot, SnapshotPart, Stats } from './frame';
import { sameSession } from './sameSession';
import type { Pipeline } from './status';

/** The outcome of a frame: `applied`, `ignored`, or a `gap` (one before it is missing, so a snapshot is needed). */
export type Outcome = 'applied' | 'ignored' | 'gap';

/** The visitors of a snapshot of which parts are still missing. */
interface Loading {
  readonly guids: Set<string>;
  remaining: number;
}

/** Numbers of visitors. */
export interface Progress {
  loaded: number;
  total: number;
}

/**
 * The gateway's view, rebuilt from its frames.
 *
 * It reports each change to one callback, so a frame costs as much as it changes, and no part of the page has to go
 * through all visitors. `stats` and `pipeline` are replaced, never mutated.
 */
export class View {
  stats: Stats | null = null;
  /** Server time of `stats`. */
  statsAt = 0;
  /** Server time of the last frame. */
  frameAt = 0;
  pipeline: Pipeline | null = null;
  /** Whether any visitor since the page was opened had a page. */
  hasPages = false;

  readonly #onChange: (change: Change) => void;
  #revision: number | null = null;
  #loading: Loading | null = null;
  #hasSnapshot = false;
  readonly #byGuid = new Map<string, Visitor>();
  /** Kept across connections: the next gateway may not know of them yet. */
  readonly #closings = new Closings();

  /** @param onChange called with each change as it is made */
  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange;
  }

  /** Applies a frame if it is the next one. */
  apply(frame: Frame): Outcome {
    if (frame.type === 'snapshot-part') return this.#applyPart(frame);
    if (frame.type === 'delta') {
      // A snapshot has been requested, or the last one included this delta.
      if (this.#revision === null || frame.revision <= this.#revision) return 'ignored';
      if (frame.revision !== this.#revision + 1 || this.#loading !== null) {
        this.expectSnapshot();
        return 'gap';
      }
    }
    this.#revision = frame.revision;
    this.stats = frame.stats;
    this.statsAt = frame.stats.asOf ?? frame.now;
    this.frameAt = frame.now;
    this.pipeline = frame.pipeline ?? this.pipeline;
    this.#closings.forget(frame.now);
    if (frame.type === 'snapshot') this.#applySnapshot(frame);
    else this.#applyDelta(frame);
    return 'applied';
  }

  /** Ignores deltas until the next snapshot, because each gateway counts its own revisions. */
  expectSnapshot(): void {
    this.#revision = null;
    this.#loading = null;
  }

  /** How many visitors of an incomplete snapshot have arrived, and how many it has in total; null if there is none. */
  get progress(): Progress | null {
    if (this.#loading === null) return null;
    const loaded = this.#loading.guids.size;
    return { loaded, total: loaded + this.#loading.remaining };
  }

  /**
   * Server time at which the view was last known to be right, while the gateway is cut off from the website; null while
   * it is not. Gateways up to 0.2 may name an interruption a second before they send its time.
   */
  get asOf(): number | null {
    const since = (this.pipeline?.interruptions ?? []).map((interruption) => interruption.since);
    return this.stats?.asOf ?? (since.length > 0 ? Math.min(...since) : null);
  }

  /** The visitor with this GUID, or null if none is on the site. */
  visitor(guid: string): Visitor | null {
    return this.#byGuid.get(guid) ?? null;
  }

  /**
   * Visitors who are in both keep their object, so a snapshot after an interruption changes only what is different.
   */
  #applySnapshot({ sessions, remaining }: Snapshot): void {
    this.#loading = { guids: new Set(), remaining };
    this.#load(this.#loading, sessions, remaining);
  }

  #applyPart({ revision, sessions, remaining }: SnapshotPart): Outcome {
    // Another snapshot has been requested.
    if (this.#revision === null || this.#loading === null) return 'ignored';
    if (revision !== this.#revision || this.#loading.remaining !== sessions.length + remaining) {
      this.expectSnapshot();
      return 'gap';
    }
    this.#load(this.#loading, sessions, remaining);
    return 'applied';
  }

  /** Adds some visitors of a snapshot. Those who are in no part leave after the last one. */
  #load(loading: Loading, sessions: Session[], remaining: number): void {
    loading.remaining = remaining;
    for (const { guid } of sessions) loading.guids.add(guid);
    if (remaining === 0) {
      for (const guid of this.#byGuid.keys()) {
        if (!loading.guids.has(guid)) this.#remove(guid, 'missed');
      }
    }
    for (const session of sessions) this.#put(session, this.#hasSnapshot ? 'missed' : 'initial');
    if (remaining > 0) return;
    this.#hasSnapshot = true;
    this.#loading = null;
  }

  #applyDelta(delta: Delta): void {
    for (const session of delta.changed) this.#put(session, 'live');
    for (const [guid, lastActivityAt] of delta.touched) {
      const visitor = this.#byGuid.get(guid);
      if (!visitor) continue;
      visitor.session = { ...visitor.session, lastActivityAt };
      this.#onChange({ kind: 'touched', visitor });
    }
    for (const [guid, reason] of delta.removed) {
      this.#remove(guid, reason);
      if (reason === 'closed' || reason === 'hidden') this.#closings.add(guid, delta.now);
    }
  }

  #put(session: Session, arrival: 'live' | 'initial' | 'missed'): void {
    if (this.#closings.has(session.guid)) return;
    if (session.page !== undefined) this.hasPages = true;
    const known = this.#byGuid.get(session.guid);
    if (!known) {
      const visitor = { guid: session.guid, session };
      this.#byGuid.set(session.guid, visitor);
      this.#onChange({ kind: 'came', visitor, arrival });
      return;
    }
    const before = known.session;
    if (sameSession(before, session)) return;
    known.session = session;
    this.#onChange({ kind: 'changed', visitor: known, before });
  }

  #remove(guid: string, reason: string): void {
    const visitor = this.#byGuid.get(guid);
    if (!visitor) return;
    this.#byGuid.delete(guid);
    this.#onChange({ kind: 'left', visitor, reason });
  }
}
