import type { Change } from '../feed/change';
import type { Stats } from '../feed/frame';

/** How many seconds the sparklines go back. */
export const SPAN = 300;
/** Seconds without a sample, a laptop's sleep for example, that are shown as a gap. */
const GAP = 5;

/** Over how many seconds a rate is taken. */
const RATE_OVER = 10;

/** What is recorded each second; null where nothing was known. */
export const TRACES = [
  'active',
  'identified',
  'companies',
  'perCompany',
  'duration',
  'arrivals',
  'departures',
] as const;
export type Trace = (typeof TRACES)[number];

/**
 * The figures of the last minutes, one sample a second: the page's own memory, empty when it opens.
 *
 * Arrivals and departures are those that came live; what an interruption hid belongs to no second.
 */
export class Pulse {
  /** Seconds since the epoch, by the server's clock, ascending. */
  readonly seconds: number[] = [];
  readonly traces: Record<Trace, (number | null)[]> = {
    active: [],
    identified: [],
    companies: [],
    perCompany: [],
    duration: [],
    arrivals: [],
    departures: [],
  };
  #arrivals = 0;
  #departures = 0;

  /** Changes with each sample. */
  get version(): number {
    return this.seconds.at(-1) ?? 0;
  }

  note(change: Change): void {
    if (change.kind === 'came' && change.how === 'come') this.#arrivals += 1;
    if (change.kind === 'left' && change.why !== 'away') this.#departures += 1;
  }

  /**
   * Ends a second.
   *
   * @param now the server's time in milliseconds since the epoch; a second that is recorded already goes on
   * @param stats the figures, or null where they are not to be believed
   */
  sample(now: number, stats: Stats | null): void {
    const second = Math.floor(now / 1_000);
    const last = this.seconds.at(-1) ?? second - 1;
    if (second === last) return;
    // Another gateway's clock may be behind: a line cannot go back in time.
    if (second < last) this.#clear();
    else if (second - last > GAP) this.#push(last + 1, null, 1);
    this.#push(second, stats, Math.max(1, second - last));
    this.#arrivals = 0;
    this.#departures = 0;
  }

  /** The mean of a trace over the last seconds; null where nothing is known of them. */
  rate(trace: 'arrivals' | 'departures'): number | null {
    const last = this.traces[trace].slice(-RATE_OVER).filter((value) => value !== null);
    return last.length === 0 ? null : last.reduce((sum, value) => sum + value, 0) / last.length;
  }

  #push(second: number, stats: Stats | null, elapsed: number): void {
    const { active, identified, companies, perCompany, duration, arrivals, departures } = this.traces;
    this.seconds.push(second);
    active.push(stats?.activeSessions ?? null);
    identified.push(stats?.beingIdentified ?? null);
    companies.push(stats?.companies ?? null);
    perCompany.push(stats && stats.companies > 0 ? stats.averageVisitorsPerCompany : null);
    duration.push(stats && stats.activeSessions > 0 ? stats.averageSessionSeconds : null);
    arrivals.push(stats && this.#arrivals / elapsed);
    departures.push(stats && this.#departures / elapsed);
    while (second - (this.seconds[0] ?? second) >= SPAN) this.#shift();
  }

  #shift(): void {
    this.seconds.shift();
    for (const trace of TRACES) this.traces[trace].shift();
  }

  #clear(): void {
    this.seconds.length = 0;
    for (const trace of TRACES) this.traces[trace].length = 0;
  }
}
