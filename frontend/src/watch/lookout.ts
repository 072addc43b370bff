import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';
import type { Watchlist } from './watchlist';
import { normalDomain } from './watchlist';

/**
 * Looks out for visitors from the companies on the watchlist: how many are there, and who arrives.
 *
 * Works without a paint, so that a page in a hidden tab tells as well.
 */
export class Lookout {
  readonly #watchlist: Watchlist;
  readonly #announce: (company: Company) => void;
  /** How many visitors each domain has; of all, so that one may be put on the list at any time. */
  readonly #visitors = new Map<string, number>();

  /** @param announce is told of each arrival from a watched company */
  constructor(watchlist: Watchlist, announce: (company: Company) => void) {
    this.#watchlist = watchlist;
    this.#announce = announce;
  }

  /** How many visitors are there from one domain. */
  visitorsFrom(domain: string): number {
    return this.#visitors.get(normalDomain(domain)) ?? 0;
  }

  /** How many are there from all watched ones. */
  get watched(): number {
    let sum = 0;
    for (const domain of this.#watchlist.domains) sum += this.visitorsFrom(domain);
    return sum;
  }

  note(change: Change): void {
    switch (change.kind) {
      case 'came':
        this.#count(change.row.session, 1);
        if (change.how !== 'there') this.#greet(change.row.session);
        break;
      case 'changed':
        if (change.before.company?.domain === change.row.session.company?.domain) break;
        this.#count(change.before, -1);
        this.#count(change.row.session, 1);
        this.#greet(change.row.session);
        break;
      case 'left':
        this.#count(change.row.session, -1);
        break;
      case 'touched':
    }
  }

  #greet({ company }: Session): void {
    if (company !== null && this.#watchlist.holds(company)) this.#announce(company);
  }

  #count({ company }: Session, by: 1 | -1): void {
    if (company === null) return;
    const domain = normalDomain(company.domain);
    const visitors = (this.#visitors.get(domain) ?? 0) + by;
    if (visitors > 0) this.#visitors.set(domain, visitors);
    else this.#visitors.delete(domain);
  }
}
