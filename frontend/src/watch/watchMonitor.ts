import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';
import type { Watchlist } from './watchlist';
import { normalDomain } from './watchlist';

/**
 * Counts visitors from companies on the watchlist, and announces their arrivals. It does not depend on rendering, so
 * it works in a hidden tab.
 */
export class WatchMonitor {
  readonly #watchlist: Watchlist;
  readonly #announce: (company: Company) => void;
  /** Visitors per domain, of all companies, because any of them may be added to the watchlist. */
  readonly #visitors = new Map<string, number>();

  /** @param announce called for each arrival from a watched company */
  constructor(watchlist: Watchlist, announce: (company: Company) => void) {
    this.#watchlist = watchlist;
    this.#announce = announce;
  }

  /** Number of visitors from one domain. */
  visitorsFrom(domain: string): number {
    return this.#visitors.get(normalDomain(domain)) ?? 0;
  }

  /** Number of visitors from all watched companies. */
  get watched(): number {
    let sum = 0;
    for (const domain of this.#watchlist.domains) sum += this.visitorsFrom(domain);
    return sum;
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
    if (company !== null && this.#watchlist.includes(company)) this.#announce(company);
  }

  #count({ company }: Session, by: 1 | -1): void {
    if (company === null) return;
    const domain = normalDomain(company.domain);
    const visitors = (this.#visitors.get(domain) ?? 0) + by;
    if (visitors > 0) this.#visitors.set(domain, visitors);
    else this.#visitors.delete(domain);
  }
}
