import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';
import { normalDomain } from '../shared/domain';
import type { Watching } from './watchlist';

/**
 * Counts visitors from companies on the watchlists, and announces their arrivals. It does not depend on rendering, so
 * it works in a hidden tab.
 */
export class WatchMonitor {
  readonly #watching: Watching;
  readonly #announce: (company: Company) => void;
  /** Visitors per domain, of all companies, because any of them may be added to the watchlist. */
  readonly #visitors = new Map<string, { company: Company; count: number }>();
  /** The sum, until a visitor comes or goes or a list changes. */
  #sum: { watched: number; version: number } | null = null;

  /** @param announce called for each arrival from a watched company */
  constructor(watching: Watching, announce: (company: Company) => void) {
    this.#watching = watching;
    this.#announce = announce;
  }

  /** Number of visitors from one domain. */
  visitorsFrom(domain: string): number {
    return this.#visitors.get(normalDomain(domain))?.count ?? 0;
  }

  /** Number of visitors from all watched companies. */
  get watched(): number {
    const { version } = this.#watching;
    if (this.#sum?.version !== version) {
      this.#sum = { watched: this.visitorsWhere(this.#watching.includes), version };
    }
    return this.#sum.watched;
  }

  /** Number of visitors from the matching companies. */
  visitorsWhere(fits: (company: Company) => boolean): number {
    let sum = 0;
    for (const { company, count } of this.#visitors.values()) if (fits(company)) sum += count;
    return sum;
  }

  /** A company on the site that fits, or null. */
  companyWhere(fits: (company: Company) => boolean): Company | null {
    for (const { company } of this.#visitors.values()) if (fits(company)) return company;
    return null;
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'came':
        this.#count(change.visitor.session, 1);
        if (change.arrival !== 'initial') this.#announceIfWatched(change.visitor.session);
        break;
      case 'changed':
        if (change.before.company?.domain === change.visitor.session.company?.domain) break;
        this.#count(change.before, -1);
        this.#count(change.visitor.session, 1);
        this.#announceIfWatched(change.visitor.session);
        break;
      case 'left':
        this.#count(change.visitor.session, -1);
        break;
      case 'touched':
    }
  }

  #announceIfWatched({ company }: Session): void {
    if (company !== null && this.#watching.includes(company)) this.#announce(company);
  }

  #count({ company }: Session, by: 1 | -1): void {
    if (company === null) return;
    const domain = normalDomain(company.domain);
    const before = this.#visitors.get(domain)?.count ?? 0;
    const count = before + by;
    if (count > 0) this.#visitors.set(domain, { company, count });
    else this.#visitors.delete(domain);
    if (this.#sum !== null && this.#watching.includes(company))
      this.#sum.watched += Math.max(count, 0) - before;
  }
}
