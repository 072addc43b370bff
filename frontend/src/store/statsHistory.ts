import type { Change } from '../feed/change';
import type { Stats } from '../feed/frame';

/** Seconds that the sparklines show. */
export const HISTORY_SECONDS = 300;
/** Seconds without a sample, such as a laptop's sleep, that are shown as a gap. */
const MAX_GAP = 5;

/** Seconds over which rates are averaged. */
const RATE_WINDOW = 10;

/** The recorded figures. */
export const SERIES = [
  'active',
  'identified',
  'companies',
  'perCompany',
  'duration',
  'arrivals',
  'departures',
] as const;
export type Series = (typeof SERIES)[number];

/**
 * The figures of the last minutes, one sample a second, recorded by this page.
 *
 * Arrivals and departures are those seen live; those missed during an interruption belong to no second.
 */
export class StatsHistory {
  /** Seconds since the epoch, by the server's clock, ascending. */
  readonly seconds: number[] = [];
  readonly series: Record<Series, (number | null)[]> = {
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

  apply(change: Change): void {
    if (change.kind === 'came' && change.arrival === 'live') this.#arrivals += 1;
    if (change.kind === 'left' && change.reason !== 'missed') this.#departures += 1;
  }

  /**
   * Records a second, unless it has been recorded already.
   *
   * @param now the server's time in milliseconds since the epoch
   * @param stats the figures, or null while they are out of date
   */
  sample(now: number, stats: Stats | null): void {
    const second = Math.floor(now / 1_000);
    const last = this.seconds.at(-1) ?? second - 1;
    if (second === last) return;
    // Another gateway's clock may be behind, and samples must ascend.
    if (second < last) this.#clear();
    else if (second - last > MAX_GAP) this.#push(last + 1, null, 1);
    this.#push(second, stats, Math.max(1, second - last));
    this.#arrivals = 0;
    this.#departures = 0;
  }

  /** The mean over `RATE_WINDOW`; null if nothing is known. */
  rate(name: 'arrivals' | 'departures'): number | null {
    const last = this.series[name].slice(-RATE_WINDOW).filter((value) => value !== null);
    return last.length === 0 ? null : last.reduce((sum, value) => sum + value, 0) / last.length;
  }

  #push(second: number, stats: Stats | null, elapsed: number): void {
    const { active, identified, companies, perCompany, duration, arrivals, departures } = this.series;
    this.seconds.push(second);
    active.push(stats?.activeSessions ?? null);
    identified.push(stats?.beingIdentified ?? null);
    companies.push(stats?.companies ?? null);
    perCompany.push(stats && stats.companies > 0 ? stats.averageVisitorsPerCompany : null);
    duration.push(stats && stats.activeSessions > 0 ? stats.averageSessionSeconds : null);
    arrivals.push(stats && this.#arrivals / elapsed);
    departures.push(stats && this.#departures / elapsed);
    while (second - (this.seconds[0] ?? second) >= HISTORY_SECONDS) this.#shift();
  }

  #shift(): void {
    this.seconds.shift();
    for (const name of SERIES) this.series[name].shift();
  }

  #clear(): void {
    this.seconds.length = 0;
    for (const name of SERIES) this.series[name].length = 0;
  }
}
