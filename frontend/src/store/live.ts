import { Listing } from '../listing/listing';
import type { Plan } from '../listing/plan';
import type { Change } from '../feed/change';
import { Companies } from './companies';
import type { Listener, Verdict } from '../feed/connection';
import { ServerClock } from '../feed/clock';
import { parseFrame } from '../feed/frame';
import { type Freshness, judgeFreshness, STALE_AFTER } from '../feed/freshness';
import { Journal } from './journal';
import { Pulse } from './pulse';
import { View } from '../feed/view';

const SECOND = 1_000;

/** What the page says about itself; a new object for every moment at which the page is painted anew. */
export interface LiveStatus {
  freshness: Freshness;
  /** Whole seconds since the last frame of use, or since the page was opened if there was none. */
  silentSeconds: number;
  /**
   * The server's time in milliseconds since the epoch, in whole seconds, by which ages are shown; null before
   * any frame. It stands still where the view is stale, or the gateway cut off: nobody knows whether those
   * visitors are still there.
   */
  now: number | null;
  /** Messages that made no sense. */
  misunderstood: number;
}

/** What the page needs of the browser, so that tests can play the browser. */
export interface Browser {
  /** Milliseconds of a clock that never jumps. */
  elapsed(): number;
  /** Calls back before the next paint; a page that nobody sees is not painted, and is called once a second. */
  beforePaint(callback: () => void): void;
  /** Calls back after so many milliseconds. */
  after(milliseconds: number, callback: () => void): void;
  warn(message: string): void;
}

/**
 * The live view: takes the gateway's messages in as they come, and tells those who show it at most once per
 * paint.
 */
export class Live implements Listener {
  readonly view = new View((change) => this.#note(change));
  readonly companies = new Companies();
  readonly journal = new Journal();
  readonly listing = new Listing();
  readonly pulse = new Pulse();
  readonly #browser: Browser;
  readonly #hearChange: (change: Change) => void;
  readonly #clock = new ServerClock();
  readonly #watchers = new Set<() => void>();
  readonly #openedAt: number;
  #heardAt: number | null = null;
  #linkUp = false;
  #misunderstood = 0;
  #announced = false;
  #wakingAt = Infinity;
  #status: LiveStatus;

  /** @param hearChange is told of every change at once, painted or not */
  constructor(browser: Browser, hearChange: (change: Change) => void = () => undefined) {
    this.#browser = browser;
    this.#hearChange = hearChange;
    this.#openedAt = browser.elapsed();
    this.#status = this.#look();
  }

  get status(): LiveStatus {
    return this.#status;
  }

  /** Calls back when something has changed, until the returned function is called. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  onMessage(data: unknown): Verdict {
    const parsed = parseFrame(data);
    if ('problem' in parsed) {
      this.#misunderstand(parsed.problem);
      return 'useless';
    }
    const outcome = this.view.apply(parsed.frame);
    if (outcome === 'gap') return 'missing';
    if (outcome === 'ignored') return 'useless';
    // A new connection may lead to another gateway, whose clock may differ.
    if (!this.#linkUp) this.#clock.reset();
    this.#heardAt = this.#browser.elapsed();
    this.#clock.observe(parsed.frame.now, this.#heardAt);
    if (parsed.frame.type === 'snapshot') this.companies.rank();
    this.#announce();
    return 'useful';
  }

  onLink(up: boolean): void {
    this.#linkUp = up;
    if (!up) this.view.expectSnapshot();
    this.#announce();
  }

  /** Lists the visitors by another plan. */
  follow(plan: Plan): void {
    this.listing.follow(plan, this.#status.now ?? 0);
    this.#announce();
  }

  /** Holds the order of the list while the reader reads, or lets it go. */
  read(reading: boolean): void {
    this.listing.hold(reading);
    this.#announce();
  }

  /** Shows what has waited since the order is held; it stays held. */
  catchUp(): void {
    this.listing.layOutNext();
    this.#announce();
  }

  /** Lets the seconds that are shown go on; returns the milliseconds until the next one begins. */
  tick(): number {
    const elapsed = this.#browser.elapsed();
    const now = this.#clock.at(elapsed);
    const isBelieved = !this.#isStale(elapsed) && !this.view.isInterrupted;
    if (now !== null) this.pulse.sample(now, isBelieved ? this.view.stats : null);
    this.companies.rank();
    this.#announce();
    return SECOND - ((now ?? 0) % SECOND);
  }

  /** Each part keeps what it shows by the changes alone. */
  #note(change: Change): void {
    const now = this.view.frameAt;
    this.companies.note(change);
    this.journal.note(change, now);
    this.pulse.note(change);
    this.listing.note(change, this.#browser.elapsed(), now);
    this.#hearChange(change);
  }

  #isStale(elapsed: number): boolean {
    return this.#heardAt === null || elapsed - this.#heardAt >= STALE_AFTER;
  }

  #misunderstand(problem: string): void {
    if (this.#misunderstood === 0) {
      this.#browser.warn(
        `A message of the gateway was not understood (further ones are only counted): ${problem}`,
      );
    }
    this.#misunderstood += 1;
    this.#announce();
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#browser.beforePaint(() => {
      this.#announced = false;
      this.#status = this.#look();
      this.#settle();
      for (const watcher of this.#watchers) watcher();
    });
  }

  #settle(): void {
    const elapsed = this.#browser.elapsed();
    const again = this.listing.settle(elapsed, this.#status.now ?? 0);
    if (again === null || elapsed + again >= this.#wakingAt) return;
    this.#wakingAt = elapsed + again;
    this.#browser.after(again, () => {
      this.#wakingAt = Infinity;
      this.#announce();
    });
  }

  #look(): LiveStatus {
    const elapsed = this.#browser.elapsed();
    const silentFor = elapsed - (this.#heardAt ?? this.#openedAt);
    return {
      freshness: judgeFreshness(this.#linkUp, this.#heardAt !== null, silentFor, this.view.isInterrupted),
      silentSeconds: Math.floor(silentFor / SECOND),
      now: this.#shownNow(elapsed),
      misunderstood: this.#misunderstood,
    };
  }

  #shownNow(elapsed: number): number | null {
    const lastBelieved = (this.#heardAt ?? 0) + STALE_AFTER;
    const now = this.#clock.at(Math.min(elapsed, lastBelieved));
    if (now === null) return null;
    return Math.floor(Math.min(now, this.view.stats?.asOf ?? Infinity) / SECOND) * SECOND;
  }
}
