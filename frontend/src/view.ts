import type { Delta, Frame, Session, Snapshot, Stats } from './frame';
import type { Pipeline } from './status';

/** A line of the table. It keeps its place while the session in it is touched. */
export interface Row {
  readonly guid: string;
  readonly openedAt: number;
  session: Session;
}

/**
 * What a frame did to the view: it was `applied`, it was of no use (`ignored`), or it showed that one before
 * it is missing (`gap`), so that a snapshot has to be asked for.
 */
export type Outcome = 'applied' | 'ignored' | 'gap';

/**
 * The gateway's view, rebuilt from its frames.
 *
 * It is changed in place, since a delta may touch a few of many thousand sessions and must cost no more than
 * that. Sessions themselves are never changed but replaced, as are `stats` and `pipeline`, so that identity
 * tells whether they are new.
 */
export class View {
  stats: Stats | null = null;
  /** The server's time of `stats`. */
  statsAt = 0;
  pipeline: Pipeline | null = null;

  #revision: number | null = null;
  readonly #byGuid = new Map<string, Row>();
  #inOrder: readonly Row[] = [];
  readonly #arrived = new Set<Row>();
  #outdated = false;

  /** Applies a frame, or says why not. */
  apply(frame: Frame): Outcome {
    if (frame.type === 'snapshot') {
      this.#replace(frame);
    } else {
      // Either a snapshot is on its way, or the last one held this delta already.
      if (this.#revision === null || frame.revision <= this.#revision) return 'ignored';
      if (frame.revision !== this.#revision + 1) {
        this.expectSnapshot();
        return 'gap';
      }
      this.#amend(frame);
    }
    this.#revision = frame.revision;
    this.stats = frame.stats;
    this.statsAt = frame.now;
    this.pipeline = frame.pipeline ?? this.pipeline;
    return 'applied';
  }

  /** Ignores deltas until a snapshot comes: on a new connection revisions start anew. */
  expectSnapshot(): void {
    this.#revision = null;
  }

  /**
   * The rows, newest session first. The array is the same as long as neither rows nor what is known about
   * their visitors have changed; touching a session does not count.
   */
  rows(): readonly Row[] {
    if (this.#outdated) {
      // Built when it is looked at rather than with every delta. What stays is sorted already and arrivals
      // are few, which the browser's merge sort passes over in little more than one look at each.
      const staying = this.#inOrder.filter((row) => this.#byGuid.get(row.guid) === row);
      this.#inOrder = staying.concat(...this.#arrived).sort(newestFirst);
      this.#arrived.clear();
      this.#outdated = false;
    }
    return this.#inOrder;
  }

  #replace(snapshot: Snapshot): void {
    this.#byGuid.clear();
    this.#arrived.clear();
    this.#outdated = true;
    for (const session of snapshot.sessions) this.#put(session);
  }

  #amend(delta: Delta): void {
    for (const session of delta.changed) this.#put(session);
    for (const [guid, lastActivityAt] of delta.touched) {
      const row = this.#byGuid.get(guid);
      if (row) row.session = { ...row.session, lastActivityAt };
    }
    for (const [guid] of delta.removed) this.#drop(guid);
  }

  #put(session: Session): void {
    const known = this.#byGuid.get(session.guid);
    this.#outdated = true;
    if (known?.openedAt === session.openedAt) {
      known.session = session;
      return;
    }
    if (known) this.#arrived.delete(known);
    const row = { guid: session.guid, openedAt: session.openedAt, session };
    this.#byGuid.set(session.guid, row);
    this.#arrived.add(row);
  }

  #drop(guid: string): void {
    const row = this.#byGuid.get(guid);
    if (!row) return;
    this.#byGuid.delete(guid);
    this.#arrived.delete(row);
    this.#outdated = true;
  }
}

function newestFirst(a: Row, b: Row): number {
  return b.openedAt - a.openedAt || (a.guid < b.guid ? -1 : Number(a.guid > b.guid));
}
