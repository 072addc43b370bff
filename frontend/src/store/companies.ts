import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';

/** A company and how many of its visitors are there. */
export interface Presence {
  company: Company;
  visitors: number;
}

/** Which companies are there, and with how many visitors; told apart by GUID, as the gateway does. */
export class Companies {
  readonly #present = new Map<string, Presence>();
  #ranking: readonly Presence[] = [];
  #outdated = false;

  note(change: Change): void {
    if (change.kind === 'came') this.#add(change.row.session);
    if (change.kind === 'left') this.#take(change.row.session);
    if (change.kind === 'changed' && change.before.company?.guid !== change.row.session.company?.guid) {
      this.#take(change.before);
      this.#add(change.row.session);
    }
  }

  /** Brings the ranking up to date; it costs a look at every company, so that it is done once a second. */
  rank(): void {
    if (!this.#outdated) return;
    this.#outdated = false;
    this.#ranking = [...this.#present.values()]
      .map((presence) => ({ ...presence }))
      .sort((a, b) => b.visitors - a.visitors || byName(a, b));
  }

  /** Those with the most visitors first, as of the last `rank`; the same array while nothing changes. */
  get ranking(): readonly Presence[] {
    return this.#ranking;
  }

  /** The company with this GUID, as long as one of its visitors is there. */
  find(guid: string): Presence | null {
    return this.#present.get(guid) ?? null;
  }

  #add({ company }: Session): void {
    if (company === null) return;
    this.#outdated = true;
    const visitors = this.#present.get(company.guid)?.visitors ?? 0;
    this.#present.set(company.guid, { company, visitors: visitors + 1 });
  }

  #take({ company }: Session): void {
    const presence = company && this.#present.get(company.guid);
    if (!presence) return;
    this.#outdated = true;
    if (presence.visitors === 1) this.#present.delete(company.guid);
    else this.#present.set(company.guid, { ...presence, visitors: presence.visitors - 1 });
  }
}

function byName(a: Presence, b: Presence): number {
  return a.company.name < b.company.name ? -1 : Number(a.company.name > b.company.name);
}
