import type { Change, Leaving, Row } from '../feed/change';
import { Order } from './order';
import { groupByCompany } from './groups';
import type { Line, VisitorLine } from './lines';
import { planOf, type Plan } from './plan';
import { searchTextOf } from './match';
import { EVERYTHING } from '../address/query';

/** How long, in milliseconds, a visitor who has left stays in sight, so that the eye can follow. */
export const LINGER = 600;
/** The least time in milliseconds between two layouts of the table that nobody asked for. */
export const LAYOUT_INTERVAL = 100;

/** What happened to the table since its order is held. */
export interface Waiting {
  came: number;
  left: number;
}

/**
 * The table's lines: who is shown, in which order, under which company.
 *
 * Changes are noted as they come, each in its own time; the lines are laid out from them at most ten times a
 * second, by passes over references (see `Order`). While the reader reads, the order is held: then nothing moves,
 * who leaves is marked where they are, and what waits is counted.
 */
export class Listing {
  #plan: Plan = planOf(EVERYTHING, () => false);
  readonly #order = new Order<VisitorLine>((a, b) => this.#plan.compare(a.row.session, b.row.session));
  readonly #byGuid = new Map<string, VisitorLine>();
  #lingering: { line: VisitorLine; at: number }[] = [];
  #lines: readonly Line[] = [];
  #shown = 0;
  #laidOutAt = -Infinity;
  /** Things that changed a place since the last layout. */
  #moved = 0;
  #lastMoved = 0;
  #outdated = false;
  #asked = false;
  #matchedAt = 0;
  #held = false;
  readonly #cameUnseen = new Set<VisitorLine>();
  readonly #leftUnseen = new Set<VisitorLine>();

  /** The lines as they were laid out last; the same array while the layout is the same. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** How many visitors are listed, those in folded groups included and those who have left not. */
  get shown(): number {
    return this.#shown;
  }

  /** How many lines came, moved or went with the last layout. */
  get lastMoved(): number {
    return this.#lastMoved;
  }

  get held(): boolean {
    return this.#held;
  }

  get waiting(): Waiting {
    return { came: this.#cameUnseen.size, left: this.#leftUnseen.size };
  }

  /** The visitors listed, in order: what an export holds. */
  visitors(): Row[] {
    return this.#order
      .list()
      .filter(({ matches, left }) => matches && left === null)
      .map(({ row }) => row);
  }

  /**
   * Notes a change.
   *
   * @param elapsed milliseconds by the page's clock
   * @param now the server's time
   */
  note(change: Change, elapsed: number, now: number): void {
    switch (change.kind) {
      case 'came':
        this.#welcome(change.row, now);
        break;
      case 'changed':
        this.#update(change.row, now);
        break;
      case 'touched':
        if (this.#plan.movesWhenTouched) this.#move(change.row);
        break;
      case 'left':
        this.#dismiss(change.row, change.why, elapsed);
    }
  }

  /** Lists by another plan, from the next layout on, even while the order is held. */
  follow(plan: Plan, now: number): void {
    const before = this.#plan;
    this.#plan = plan;
    if (plan.filter !== before.filter) this.#matchAll(now);
    if (plan.order !== before.order) {
      this.#order.sortBy((a, b) => plan.compare(a.row.session, b.row.session));
    }
    this.layOutNext();
  }

  /** Holds the order, or lets it go. */
  hold(held: boolean): void {
    if (this.#held === held) return;
    this.#held = held;
    if (!held) this.layOutNext();
  }

  /** Lets all that waits in at the next layout, while the order stays held. */
  layOutNext(): void {
    this.#asked = true;
  }

  /**
   * Lays the lines out, if they are out of date and it is time.
   *
   * @returns after how many milliseconds there will be something to lay out; null if nothing is waiting for that
   */
  settle(elapsed: number, now: number): number | null {
    if (this.#plan.ages && !this.#held && now !== this.#matchedAt) this.#matchAll(now);
    if (this.#held && !this.#asked) return null;
    this.#endLingering(elapsed);
    const dueIn = this.#asked ? 0 : this.#laidOutAt + LAYOUT_INTERVAL - elapsed;
    if (this.#asked || (this.#outdated && dueIn <= 0)) {
      this.#layOut(elapsed);
    } else if (this.#outdated) {
      return dueIn;
    }
    const [next] = this.#lingering;
    return next ? Math.max(0, next.at + LINGER - elapsed) : null;
  }

  #welcome(row: Row, now: number): void {
    // One who comes back while the line still lingers takes it over.
    const known = this.#byGuid.get(row.guid);
    if (known) {
      this.#leftUnseen.delete(known);
      known.row = row;
      known.left = null;
      this.#refresh(known, now);
      return;
    }
    const line: VisitorLine = { kind: 'visitor', key: row.guid, row, left: null, matches: false, text: null };
    this.#byGuid.set(row.guid, line);
    this.#refresh(line, now);
  }

  #update(row: Row, now: number): void {
    const line = this.#byGuid.get(row.guid);
    if (line) this.#refresh(line, now);
  }

  #move(row: Row): void {
    const line = this.#byGuid.get(row.guid);
    if (!line) return;
    this.#order.place(line);
    this.#outdate();
  }

  #dismiss(row: Row, why: Leaving, elapsed: number): void {
    const line = this.#byGuid.get(row.guid);
    if (!line) return;
    line.left = { why, at: elapsed };
    // A visitor who must not be shown any longer does not linger, even while the order is held.
    if (why === 'hidden') {
      this.#cameUnseen.delete(line);
      this.#forget(line);
      this.layOutNext();
      return;
    }
    // Whom nobody has seen need not be seen off.
    if (!line.matches || this.#cameUnseen.delete(line)) {
      this.#forget(line);
      return;
    }
    this.#lingering.push({ line, at: elapsed });
    this.#outdate();
    if (this.#held) this.#leftUnseen.add(line);
  }

  #forget(line: VisitorLine): void {
    this.#byGuid.delete(line.key);
    this.#order.remove(line);
    this.#outdate();
  }

  #endLingering(elapsed: number): void {
    let over = 0;
    for (const { line, at } of this.#lingering) {
      if (at + LINGER > elapsed) break;
      over += 1;
      // Unless the visitor came back, and perhaps left again.
      if (line.left?.at === at) this.#forget(line);
    }
    if (over > 0) this.#lingering = this.#lingering.slice(over);
  }

  #refresh(line: VisitorLine, now: number): void {
    const matched = line.matches;
    line.text = null;
    line.matches = this.#matches(line, now);
    if (this.#held && line.matches && !matched) this.#cameUnseen.add(line);
    if (!line.matches) this.#cameUnseen.delete(line);
    this.#order.place(line);
    this.#outdate();
  }

  #matchAll(now: number): void {
    this.#matchedAt = now;
    for (const line of this.#byGuid.values()) {
      const matches = this.#matches(line, now);
      if (matches === line.matches) continue;
      line.matches = matches;
      this.#outdate();
    }
  }

  #matches(line: VisitorLine, now: number): boolean {
    const { session } = line.row;
    line.text ??= searchTextOf(session);
    return this.#plan.matches(session, line.text, now);
  }

  #outdate(): void {
    this.#moved += 1;
    this.#outdated = true;
  }

  #layOut(elapsed: number): void {
    const matching = this.#order.list().filter(({ matches }) => matches);
    this.#shown = matching.reduce((count, { left }) => (left === null ? count + 1 : count), 0);
    this.#lines = this.#plan.grouped ? groupByCompany(matching, this.#plan) : matching;
    this.#laidOutAt = elapsed;
    this.#lastMoved = this.#moved;
    this.#moved = 0;
    this.#outdated = false;
    this.#asked = false;
    this.#cameUnseen.clear();
    this.#leftUnseen.clear();
  }
}
