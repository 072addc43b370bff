import { DEFAULT_QUERY } from '../address/query';
import type { Change, DepartureReason, Visitor } from '../feed/change';
import { ArrivalRate, RATE_CHECK_INTERVAL } from './arrivalRate';
import { groupByCompany } from './groups';
import type { Line, VisitorLine } from './lines';
import { visitorText } from './match';
import { Order } from './order';
import { makePlan, type Plan } from './plan';

/** Milliseconds for which a visitor who has left stays in the table, marked. */
export const LINGER_TIME = 600;
/** Minimum milliseconds between two layouts, unless one is requested. */
export const LAYOUT_INTERVAL = 100;

/** Milliseconds between two layouts while many visitors arrive. */
export const BUSY_LAYOUT_INTERVAL = 10_000;

/** What holds the order: the reader, or that many visitors arrive. */
export type Holder = 'reader' | 'arrivals';

/** Changes since the order has been held. */
export interface Waiting {
  came: number;
  left: number;
}

/**
 * The table's lines: who is shown, in which order, under which company.
 *
 * Changes are applied as they come; the lines are laid out from them at most ten times a second. While the order is
 * held, nothing moves: visitors who leave are marked in place, and changes are counted. If only many arrivals hold it,
 * they are let in every few seconds.
 */
export class Listing {
  #plan: Plan = makePlan(DEFAULT_QUERY, () => false);
  readonly #order = new Order<VisitorLine>((a, b) =>
    this.#plan.compare(a.visitor.session, b.visitor.session),
  );
  readonly #byGuid = new Map<string, VisitorLine>();
  #lingering: { line: VisitorLine; at: number }[] = [];
  #lines: readonly Line[] = [];
  #shown = 0;
  #laidOutAt = -Infinity;
  /** Changes to the order since the last layout. */
  #changes = 0;
  #lastChanges = 0;
  #layoutNeeded = false;
  #layoutRequested = false;
  #matchedAt = 0;
  #heldBy: Holder | null = null;
  #reading = false;
  readonly #arrivals = new ArrivalRate();
  readonly #waitingArrivals = new Set<VisitorLine>();
  readonly #waitingDepartures = new Set<VisitorLine>();

  /** The lines of the last layout; the same array until the next one. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** Number of visitors in the table, including collapsed groups, without those who have left. */
  get shown(): number {
    return this.#shown;
  }

  /** Number of lines that were added, moved or removed by the last layout. */
  get lastChanges(): number {
    return this.#lastChanges;
  }

  /** What holds the order: the reader, or that many visitors arrive; null if nothing does. */
  get heldBy(): Holder | null {
    return this.#heldBy;
  }

  get waiting(): Waiting {
    return { came: this.#waitingArrivals.size, left: this.#waitingDepartures.size };
  }

  /** The visitors in the table, in order. */
  visitors(): Visitor[] {
    return this.#order
      .list()
      .filter(({ matches, left }) => matches && left === null)
      .map(({ visitor }) => visitor);
  }

  /**
   * @param elapsed milliseconds of the page's monotonic clock
   * @param now the server's time
   */
  apply(change: Change, elapsed: number, now: number): void {
    switch (change.kind) {
      case 'came':
        if (change.arrival === 'live') this.#arrivals.add(elapsed);
        this.#add(change.visitor, elapsed, now);
        break;
      case 'changed':
        this.#refreshVisitor(change.visitor, now);
        break;
      case 'touched':
        if (this.#plan.movesWhenTouched) this.#move(change.visitor);
        break;
      case 'left':
        this.#remove(change.visitor, change.reason, elapsed);
    }
  }

  /** Uses another plan from the next layout on, even while the order is held. */
  setPlan(plan: Plan, now: number): void {
    const before = this.#plan;
    this.#plan = plan;
    if (plan.filterKey !== before.filterKey) this.#matchAll(now);
    if (plan.orderKey !== before.orderKey) {
      this.#order.setCompare((a, b) => plan.compare(a.visitor.session, b.visitor.session));
    }
    this.requestLayout();
  }

  /** Holds the order for the reader, or releases it. */
  hold(held: boolean, elapsed: number): void {
    this.#reading = held;
    this.#updateHolder(elapsed);
  }

  /** Shows what is waiting at the next layout, while the order stays held. */
  requestLayout(): void {
    this.#layoutRequested = true;
  }

  /**
   * Lays the lines out if that is due.
   *
   * @returns milliseconds until the next layout is due, or null if none is
   */
  update(elapsed: number, now: number): number | null {
    this.#updateHolder(elapsed);
    if (this.#plan.dependsOnTime && this.#heldBy === null && now !== this.#matchedAt) this.#matchAll(now);
    if (this.#heldBy !== null && !this.#layoutRequested) {
      if (this.#heldBy === 'reader') return null;
      if (elapsed - this.#laidOutAt < BUSY_LAYOUT_INTERVAL) return RATE_CHECK_INTERVAL;
      this.requestLayout();
    }
    this.#endLingering(elapsed);
    const dueIn = this.#layoutRequested ? 0 : this.#laidOutAt + LAYOUT_INTERVAL - elapsed;
    if (this.#layoutRequested || (this.#layoutNeeded && dueIn <= 0)) {
      this.#layOut(elapsed);
    } else if (this.#layoutNeeded) {
      return dueIn;
    }
    const [next] = this.#lingering;
    return next ? Math.max(0, next.at + LINGER_TIME - elapsed) : null;
  }

  #updateHolder(elapsed: number): void {
    const busy = this.#arrivals.isBusy(elapsed, this.#heldBy === 'arrivals');
    const holder = this.#reading ? 'reader' : busy ? 'arrivals' : null;
    if (holder === null && this.#heldBy !== null) this.requestLayout();
    // The reader has released the order. Waiting changes are shown before the order is held for another reason.
    if (holder === 'arrivals' && this.#heldBy === 'reader') this.requestLayout();
    this.#heldBy = holder;
  }

  #add(visitor: Visitor, elapsed: number, now: number): void {
    // A visitor who returns before the line is gone gets the same line again.
    const known = this.#byGuid.get(visitor.guid);
    if (known) {
      this.#waitingDepartures.delete(known);
      known.visitor = visitor;
      known.left = null;
      this.#refresh(known, now);
      return;
    }
    const line: VisitorLine = {
      kind: 'visitor',
      key: visitor.guid,
      visitor,
      left: null,
      cameAt: elapsed,
      matches: false,
      text: null,
    };
    this.#byGuid.set(visitor.guid, line);
    this.#refresh(line, now);
  }

  #refreshVisitor(visitor: Visitor, now: number): void {
    const line = this.#byGuid.get(visitor.guid);
    if (line) this.#refresh(line, now);
  }

  #move(visitor: Visitor): void {
    const line = this.#byGuid.get(visitor.guid);
    if (!line) return;
    this.#order.put(line);
    this.#invalidate();
  }

  #remove(visitor: Visitor, reason: DepartureReason, elapsed: number): void {
    const line = this.#byGuid.get(visitor.guid);
    if (!line) return;
    line.left = { reason, at: elapsed };
    // A visitor who must no longer be shown disappears at once, even while the order is held.
    if (reason === 'hidden') {
      this.#waitingArrivals.delete(line);
      this.#delete(line);
      this.requestLayout();
      return;
    }
    // A visitor who was not in the table yet is removed at once.
    if (!line.matches || this.#waitingArrivals.delete(line)) {
      this.#delete(line);
      return;
    }
    this.#lingering.push({ line, at: elapsed });
    this.#invalidate();
    if (this.#heldBy !== null) this.#waitingDepartures.add(line);
  }

  #delete(line: VisitorLine): void {
    this.#byGuid.delete(line.key);
    this.#order.remove(line);
    this.#invalidate();
  }

  #endLingering(elapsed: number): void {
    let over = 0;
    for (const { line, at } of this.#lingering) {
      if (at + LINGER_TIME > elapsed) break;
      over += 1;
      // Unless the visitor has returned meanwhile.
      if (line.left?.at === at) this.#delete(line);
    }
    if (over > 0) this.#lingering = this.#lingering.slice(over);
  }

  #refresh(line: VisitorLine, now: number): void {
    const matched = line.matches;
    line.text = null;
    line.matches = this.#matches(line, now);
    if (this.#heldBy !== null && line.matches && !matched) this.#waitingArrivals.add(line);
    if (!line.matches) this.#waitingArrivals.delete(line);
    this.#order.put(line);
    this.#invalidate();
  }

  #matchAll(now: number): void {
    this.#matchedAt = now;
    for (const line of this.#byGuid.values()) {
      const matches = this.#matches(line, now);
      if (matches === line.matches) continue;
      line.matches = matches;
      this.#invalidate();
    }
  }

  #matches(line: VisitorLine, now: number): boolean {
    const { session } = line.visitor;
    line.text ??= visitorText(session);
    return this.#plan.matches(session, line.text, now);
  }

  #invalidate(): void {
    this.#changes += 1;
    this.#layoutNeeded = true;
  }

  #layOut(elapsed: number): void {
    const matching = this.#order.list().filter(({ matches }) => matches);
    this.#shown = matching.reduce((count, { left }) => (left === null ? count + 1 : count), 0);
    this.#lines = this.#plan.grouped ? groupByCompany(matching, this.#plan) : matching;
    this.#laidOutAt = elapsed;
    this.#lastChanges = this.#changes;
    this.#changes = 0;
    this.#layoutNeeded = false;
    this.#layoutRequested = false;
    this.#waitingArrivals.clear();
    this.#waitingDepartures.clear();
  }
}
