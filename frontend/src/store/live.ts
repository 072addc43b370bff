import type { Change } from '../feed/change';
import { ServerClock } from '../feed/clock';
import type { ConnectionListener, MessageOutcome } from '../feed/connection';
import { parseFrame } from '../feed/frame';
import { type Freshness, judgeFreshness, STALE_AFTER } from '../feed/freshness';
import type { HistoryPoint } from '../feed/history';
import { View } from '../feed/view';
import { Listing } from '../listing/listing';
import type { Plan } from '../listing/plan';
import { Subscribers } from '../shared/subscribers';
import { Companies } from './companies';
import { CompanyHistory } from './companyHistory';
import { Journal } from './journal';
import { Places } from './places';
import { StatsHistory } from './statsHistory';

const SECOND = 1_000;
/** A single message that cannot be parsed may be an accident. */
const MANY_INVALID = 5;
const INVALID_WINDOW = 60_000;

/** The state of the connection and the displayed time; replaced before each rendered frame. */
export interface LiveStatus {
  freshness: Freshness;
  /** How often the page has connected. A new connection may come and be live between two updates of this status. */
  connections: number;
  /** Whole seconds since the last accepted frame, or since the page was opened. */
  silentSeconds: number;
  /**
   * The server's time by which ages are shown, in milliseconds since the epoch, rounded down to a second; null before
   * any frame. It stands still while the view is stale or the gateway is cut off, because nobody knows who is there
   * then.
   */
  now: number | null;
  /** Number of messages that failed the validation. */
  invalidMessages: number;
  /** Whether `MANY_INVALID` of them came within a minute: most likely the gateway is newer than the page. */
  outdated: boolean;
}

/** What the store needs of the browser; tests replace it. */
export interface Environment {
  /** Milliseconds of a monotonic clock. */
  elapsed(): number;
  /** Calls back before the next frame is rendered, or once a second in a hidden tab. */
  onNextFrame(callback: () => void): void;
  /** Calls back after this many milliseconds. */
  setTimer(milliseconds: number, callback: () => void): void;
  warn(message: string): void;
}

/**
 * Everything that the page knows. It applies the gateway's messages, and notifies subscribers at most once per
 * rendered frame.
 */
export class Live implements ConnectionListener {
  readonly view = new View((change) => this.#apply(change));
  readonly companies = new Companies();
  readonly companyHistory = new CompanyHistory();
  readonly places = new Places();
  readonly journal = new Journal();
  readonly listing = new Listing();
  readonly statsHistory = new StatsHistory();
  readonly #environment: Environment;
  readonly #onChange: (change: Change) => void;
  readonly #clock = new ServerClock();
  readonly #subscribers = new Subscribers();
  readonly #openedAt: number;
  #lastFrameAt: number | null = null;
  #connected = false;
  #connections = 0;
  #invalidMessages = 0;
  /** When the last `MANY_INVALID` of them arrived. */
  #invalidAt: number[] = [];
  #updateScheduled = false;
  #nextUpdateAt = Infinity;
  #tickedAt: number;
  #status: LiveStatus;

  /** @param onChange called with each change at once, also in a hidden tab */
  constructor(environment: Environment, onChange: (change: Change) => void = () => undefined) {
    this.#environment = environment;
    this.#onChange = onChange;
    this.#openedAt = environment.elapsed();
    this.#tickedAt = this.#openedAt;
    this.#status = this.#currentStatus();
  }

  get status(): LiveStatus {
    return this.#status;
  }

  readonly subscribe = this.#subscribers.subscribe;

  onMessage(data: unknown): MessageOutcome {
    const parsed = parseFrame(data);
    if ('error' in parsed) {
      this.#countInvalid(parsed.error);
      return 'ignored';
    }
    const outcome = this.view.apply(parsed.frame);
    if (outcome !== 'applied') return outcome;
    // A new connection may lead to another gateway, whose clock differs.
    if (!this.#connected) this.#clock.reset();
    this.#lastFrameAt = this.#environment.elapsed();
    if (parsed.frame.type !== 'snapshot-part') this.#clock.observe(parsed.frame.now, this.#lastFrameAt);
    if (parsed.frame.type !== 'delta') this.#updateLists();
    // Timers of a hidden tab are late by up to a minute; frames are not.
    if (this.#lastFrameAt - this.#tickedAt >= SECOND) this.tick();
    this.#scheduleUpdate();
    return this.view.progress === null ? 'accepted' : 'incomplete';
  }

  onConnectionChange(up: boolean): void {
    this.#connected = up;
    if (up) this.#connections += 1;
    else this.view.expectSnapshot();
    this.#scheduleUpdate();
  }

  setPlan(plan: Plan): void {
    this.listing.setPlan(plan, this.#status.now ?? 0);
    this.#scheduleUpdate();
  }

  /** Fills the charts with what the gateway knows of the last hour. */
  fillHistory(points: readonly HistoryPoint[]): void {
    this.statsHistory.fill(points);
    this.#scheduleUpdate();
  }

  /** Holds the order of the table while the reader reads, or releases it. */
  holdOrder(held: boolean): void {
    this.listing.hold(held, this.#environment.elapsed());
    this.#scheduleUpdate();
  }

  /** Shows waiting changes; the order stays held. */
  showWaiting(): void {
    this.listing.requestLayout();
    this.#scheduleUpdate();
  }

  /** Advances the displayed time, and samples the figures; returns the milliseconds until the next second. */
  tick(): number {
    const elapsed = this.#environment.elapsed();
    this.#tickedAt = elapsed;
    const now = this.#clock.at(elapsed);
    const isBelieved = !this.#isStale(elapsed) && this.view.asOf === null;
    if (now !== null) this.statsHistory.sample(now, isBelieved ? this.view.stats : null);
    this.#updateLists();
    this.#scheduleUpdate();
    return SECOND - ((now ?? 0) % SECOND);
  }

  /** Passes a change to every part that is kept up to date by changes. */
  #apply(change: Change): void {
    const now = this.view.frameAt;
    this.companies.apply(change);
    this.companyHistory.apply(change);
    this.places.apply(change);
    this.journal.record(change, now);
    this.statsHistory.apply(change);
    this.listing.apply(change, this.#environment.elapsed(), now);
    this.#onChange(change);
  }

  #updateLists(): void {
    this.companies.updateRanking();
    this.places.updateLists();
  }

  #isStale(elapsed: number): boolean {
    return this.#lastFrameAt === null || elapsed - this.#lastFrameAt >= STALE_AFTER;
  }

  #countInvalid(error: string): void {
    if (this.#invalidMessages === 0) {
      this.#environment.warn(
        `Ignored an invalid message from the gateway (further ones are only counted): ${error}`,
      );
    }
    this.#invalidMessages += 1;
    this.#invalidAt = [...this.#invalidAt, this.#environment.elapsed()].slice(-MANY_INVALID);
    this.#scheduleUpdate();
  }

  #scheduleUpdate(): void {
    if (this.#updateScheduled) return;
    this.#updateScheduled = true;
    this.#environment.onNextFrame(() => {
      this.#updateScheduled = false;
      this.#status = this.#currentStatus();
      this.#updateListing();
      this.#subscribers.notify();
    });
  }

  #updateListing(): void {
    const elapsed = this.#environment.elapsed();
    const again = this.listing.update(elapsed, this.#status.now ?? 0);
    if (again === null || elapsed + again >= this.#nextUpdateAt) return;
    this.#nextUpdateAt = elapsed + again;
    this.#environment.setTimer(again, () => {
      this.#nextUpdateAt = Infinity;
      this.#scheduleUpdate();
    });
  }

  #currentStatus(): LiveStatus {
    const elapsed = this.#environment.elapsed();
    const silentFor = elapsed - (this.#lastFrameAt ?? this.#openedAt);
    return {
      freshness: judgeFreshness(
        this.#connected,
        this.#lastFrameAt !== null,
        silentFor,
        this.view.asOf !== null,
      ),
      connections: this.#connections,
      silentSeconds: Math.floor(silentFor / SECOND),
      now: this.#displayedTime(elapsed),
      invalidMessages: this.#invalidMessages,
      outdated:
        this.#invalidAt.length === MANY_INVALID && elapsed - (this.#invalidAt[0] ?? 0) < INVALID_WINDOW,
    };
  }

  #displayedTime(elapsed: number): number | null {
    const lastBelieved = (this.#lastFrameAt ?? 0) + STALE_AFTER;
    const now = this.#clock.at(Math.min(elapsed, lastBelieved));
    if (now === null) return null;
    return Math.floor(Math.min(now, this.view.asOf ?? Infinity) / SECOND) * SECOND;
  }
}
