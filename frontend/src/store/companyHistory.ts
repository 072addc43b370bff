import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';
import { addressOf } from '../shared/domain';

/** How many companies are remembered. */
export const MAX_COMPANIES = 5_000;

/** What this page has seen of one company; replaced with each change. */
export interface CompanyRecord {
  company: Company;
  /** When its first visitor came, in milliseconds since the epoch, by the server's clock. */
  since: number;
  /** How many of its visitors have left since the page was opened. */
  left: number;
}

/** What this page has seen of each company, including those whose visitors have left; by the company's address. */
export class CompanyHistory {
  readonly #records = new Map<string, CompanyRecord>();

  apply(change: Change): void {
    const { session } = change.visitor;
    if (change.kind === 'came' || change.kind === 'changed') this.#see(session);
    if (change.kind !== 'left' || session.company === null) return;
    const address = addressOf(session.company);
    const record = this.#records.get(address);
    if (!record) return;
    // A company that must no longer be shown leaves no trace.
    if (change.reason === 'hidden') this.#records.delete(address);
    else this.#records.set(address, { ...record, left: record.left + 1 });
  }

  /** The record of the company with this GUID or domain; null if this page has seen none of its visitors. */
  find(address: string): CompanyRecord | null {
    return this.#records.get(address) ?? null;
  }

  #see({ company, openedAt }: Session): void {
    if (company === null) return;
    const address = addressOf(company);
    const record = this.#records.get(address);
    if (record === undefined) {
      this.#records.set(address, { company, since: openedAt, left: 0 });
      const [oldest] = this.#records.keys();
      if (this.#records.size > MAX_COMPANIES && oldest !== undefined) this.#records.delete(oldest);
    } else if (openedAt < record.since || record.company !== company) {
      this.#records.set(address, { ...record, company, since: Math.min(record.since, openedAt) });
    }
  }
}
