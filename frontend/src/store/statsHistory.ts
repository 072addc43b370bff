import type { Change } from '../feed/change';
import type { Stats } from '../feed/frame';
import type { HistoryPoint } from '../feed/history';

/** Seconds that the charts show. */
export const HISTORY_SECONDS = 3_600;
/** Seconds that one point stands for; those of the gateway are as far apart. */
export const POINT_SECONDS = 10;
/** Seconds without a sample, such as a laptop's sleep, after which rates begin anew. */
const MAX_GAP = 5;
/** Seconds over which rates are averaged. */
const RATE_WINDOW = 10;

/** The recorded figures. */
export type Series =
  'active' | 'identified' | 'companies' | 'perCompany' | 'duration' | 'arrivals' | 'departures';

type Values = Readonly<Record<Series, number | null>>;

/** The figures of `POINT_SECONDS`; never changed, but replaced. */
export interface Point {
  /** When they began, in seconds since the epoch, by the server's clock. */
  readonly second: number;
  /** Null while they were out of date; a single one is null where it had no meaning. */
  readonly values: Values | null;
}

/** Arrivals and departures per second. */
interface Rates {
  readonly arrivals: number;
  readonly departures: number;
}

/**
 * The figures of the last hour: what the gateway knew when the page was opened, and one sample a second recorded by this
 * page.
 *
 * Arrivals and departures are those seen live; those missed during an interruption belong to no second.
 */
export class StatsHistory {
  #points: readonly Point[] = [];
  #sampledAt: number | null = null;
  #arrivals = 0;
  #departures = 0;
  /** One for each of the last seconds. */
  #recent: (Rates | null)[] = [];
  /** Those of the present point. */
  #ofPoint: Rates[] = [];

  /** In ascending order; replaced with each sample. */
  get points(): readonly Point[] {
    return this.#points;
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
    const elapsed = second - (this.#sampledAt ?? second - 1);
    if (elapsed === 0) return;
    // Another gateway's clock may be behind, and points must ascend.
    if (elapsed < 0) this.#points = this.#points.filter((point) => point.second < beginningOf(second));
    if (elapsed < 0 || elapsed > MAX_GAP) this.#recent = [];
    this.#sampledAt = second;
    this.#record(second, stats, this.#takeRates(Math.max(1, elapsed)));
  }

  /** Fills in what this page does not know, because it was not open or not connected then. */
  fill(gatewayPoints: readonly HistoryPoint[]): void {
    const known = new Map(this.#points.map((point) => [point.second, point]));
    for (const gatewayPoint of gatewayPoints) {
      // A point of the gateway is about the time before it.
      const second = beginningOf(gatewayPoint.at / 1_000) - POINT_SECONDS;
      if (known.get(second)?.values) continue;
      const { arrivalsPerSecond: arrivals, departuresPerSecond: departures } = gatewayPoint;
      known.set(second, { second, values: valuesOf(gatewayPoint, { arrivals, departures }) });
    }
    this.#setPoints([...known.values()].sort((a, b) => a.second - b.second));
  }

  /** The mean over `RATE_WINDOW`; null if nothing is known. */
  rate(name: keyof Rates): number | null {
    return mean(
      this.#recent.filter((rates) => rates !== null),
      name,
    );
  }

  #takeRates(elapsed: number): Rates {
    const rates = { arrivals: this.#arrivals / elapsed, departures: this.#departures / elapsed };
    this.#arrivals = 0;
    this.#departures = 0;
    return rates;
  }

  #record(sampledAt: number, stats: Stats | null, rates: Rates): void {
    this.#recent = [...this.#recent, stats && rates].slice(-RATE_WINDOW);
    const second = beginningOf(sampledAt);
    const last = this.#points.at(-1);
    const isNew = last?.second !== second;
    if (isNew) this.#ofPoint = [];
    if (stats === null) {
      if (isNew) this.#setPoints([...this.#points, { second, values: null }]);
      return;
    }
    this.#ofPoint.push(rates);
    const arrivals = mean(this.#ofPoint, 'arrivals') ?? 0;
    const departures = mean(this.#ofPoint, 'departures') ?? 0;
    const before = isNew ? this.#points : this.#points.slice(0, -1);
    this.#setPoints([...before, { second, values: valuesOf(stats, { arrivals, departures }) }]);
  }

  /** Drops what is older than the charts. */
  #setPoints(points: readonly Point[]): void {
    const end = points.at(-1)?.second ?? 0;
    this.#points = points.filter(({ second }) => end - second < HISTORY_SECONDS);
  }
}

function beginningOf(second: number): number {
  return Math.floor(second / POINT_SECONDS) * POINT_SECONDS;
}

function mean(rates: readonly Rates[], name: keyof Rates): number | null {
  return rates.length === 0 ? null : rates.reduce((sum, each) => sum + each[name], 0) / rates.length;
}

function valuesOf(stats: Omit<Stats, 'asOf'>, rates: Rates): Values {
  return {
    active: stats.activeSessions,
    identified: stats.beingIdentified,
    companies: stats.companies,
    perCompany: stats.companies > 0 ? stats.averageVisitorsPerCompany : null,
    duration: stats.activeSessions > 0 ? stats.averageSessionSeconds : null,
    ...rates,
  };
}
