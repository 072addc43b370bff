import type { Change, Row } from './change';
import { Closings } from './closings';
import type { Delta, Frame, Session, Snapshot, Stats } from './frame';
import { sameSession } from './sameSession';
import type { Pipeline } from './status';

/**
 * What a frame did to the view: it was `applied`, it was of no use (`ignored`), or it showed that one before
 * it is missing (`gap`), so that a snapshot has to be asked for.
 */
export type Outcome = 'applied' | 'ignored' | 'gap';

/**
 * The gateway's view, rebuilt from its frames.
 *
 * Each frame is told on as the changes that it made, and costs as much as there are of them: whoever keeps
 * something about the visitors keeps it by these, and never looks at all of them. `stats` and `pipeline` are
 * replaced, so that identity tells whether they are new.
 */
export class View {
  stats: Stats | null = null;
  /** The server's time at which `stats` were right. */
  statsAt = 0;
  /** The server's time of the last frame. */
  frameAt = 0;
  pipeline: Pipeline | null = null;

  readonly #tell: (change: Change) => void;
  #revision: number | null = null;
  #opened = false;
  readonly #byGuid = new Map<string, Row>();
  /** Outlives every connection: none of these is in the view, whatever the next gateway still holds. */
  readonly #closings = new Closings();

  /** @param tell is told of every change, at the moment when it is made */
  constructor(tell: (change: Change) => void) {
    this.#tell = tell;
  }

  /** Applies a frame, or says why not. */
  apply(frame: Frame): Outcome {
    if (frame.type === 'delta') {
      // Either a snapshot is on its way, or the last one held this delta already.
      if (this.#revision === null || frame.revision <= this.#revision) return 'ignored';
      if (frame.revision !== this.#revision + 1) {
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
    if (frame.type === 'snapshot') this.#replace(frame);
    else this.#amend(frame);
    return 'applied';
  }

  /** Ignores deltas until a snapshot comes: on a new connection revisions start anew. */
  expectSnapshot(): void {
    this.#revision = null;
  }

  /** Whether the gateway is cut off from the website, so that nobody knows who is there now. */
  get isInterrupted(): boolean {
    return this.stats?.asOf !== undefined || (this.pipeline?.interruptions ?? []).length > 0;
  }

  /** The visitor's row, as long as the visitor is there. */
  row(guid: string): Row | null {
    return this.#byGuid.get(guid) ?? null;
  }

  /** Who stays keeps the row: a snapshot after an interruption changes only what the interruption hid. */
  #replace({ sessions }: Snapshot): void {
    const staying = new Set(sessions.map(({ guid }) => guid));
    for (const guid of this.#byGuid.keys()) {
      if (!staying.has(guid)) this.#drop(guid, 'away');
    }
    for (const session of sessions) this.#put(session, this.#opened ? 'away' : 'there');
    this.#opened = true;
  }

  #amend(delta: Delta): void {
    for (const session of delta.changed) this.#put(session, 'come');
    for (const [guid, lastActivityAt] of delta.touched) {
      const row = this.#byGuid.get(guid);
      if (!row) continue;
      row.session = { ...row.session, lastActivityAt };
      this.#tell({ kind: 'touched', row });
    }
    for (const [guid, why] of delta.removed) {
      this.#drop(guid, why);
      if (why === 'closed' || why === 'hidden') this.#closings.note(guid, delta.now);
    }
  }

  #put(session: Session, how: 'come' | 'there' | 'away'): void {
    if (this.#closings.has(session.guid)) return;
    const known = this.#byGuid.get(session.guid);
    if (!known) {
      const row = { guid: session.guid, session };
      this.#byGuid.set(session.guid, row);
      this.#tell({ kind: 'came', row, how });
      return;
    }
    const before = known.session;
    if (sameSession(before, session)) return;
    known.session = session;
    this.#tell({ kind: 'changed', row: known, before });
  }

  #drop(guid: string, why: string): void {
    const row = this.#byGuid.get(guid);
    if (!row) return;
    this.#byGuid.delete(guid);
    this.#tell({ kind: 'left', row, why });
  }
}
