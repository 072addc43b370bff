import type { Change } from '../feed/change';
import type { Company, Session } from '../feed/frame';
import { compareTexts } from '../shared/collate';
import { normalDomain } from '../shared/domain';

/** A company and the number of its visitors on the site. */
export interface CompanyCount {
  company: Company;
  visitors: number;
}

/** The companies on the site and their numbers of visitors. GUIDs identify companies, as in the gateway. */
export class Companies {
  readonly #present = new Map<string, CompanyCount>();
  /** GUID of the last company that came with each domain. */
  readonly #byDomain = new Map<string, string>();
  #ranking: readonly CompanyCount[] = [];
  #outdated = false;

  apply(change: Change): void {
    if (change.kind === 'came') this.#add(change.visitor.session);
    if (change.kind === 'left') this.#remove(change.visitor.session);
    if (change.kind === 'changed' && change.before.company?.guid !== change.visitor.session.company?.guid) {
      this.#remove(change.before);
      this.#add(change.visitor.session);
    }
  }

  /** Sorts the companies. It costs a pass over all of them, so it is called once a second. */
  updateRanking(): void {
    if (!this.#outdated) return;
    this.#outdated = false;
    this.#ranking = [...this.#present.values()]
      .map((presence) => ({ ...presence }))
      .sort((a, b) => b.visitors - a.visitors || byName(a, b));
  }

  /** Companies with the most visitors first, as of the last `updateRanking`; the same array while nothing changes. */
  get ranking(): readonly CompanyCount[] {
    return this.#ranking;
  }

  /** The company with this GUID or domain, or null if none of its visitors is on the site. */
  find(guidOrDomain: string): CompanyCount | null {
    const guid = this.#byDomain.get(guidOrDomain) ?? guidOrDomain;
    return this.#present.get(guid) ?? null;
  }

  #add({ company }: Session): void {
    if (company === null) return;
    this.#outdated = true;
    const visitors = this.#present.get(company.guid)?.visitors ?? 0;
    this.#present.set(company.guid, { company, visitors: visitors + 1 });
    this.#byDomain.set(normalDomain(company.domain), company.guid);
  }

  #remove({ company }: Session): void {
    const presence = company && this.#present.get(company.guid);
    if (!presence) return;
    this.#outdated = true;
    if (presence.visitors === 1) {
      this.#present.delete(company.guid);
      const domain = normalDomain(company.domain);
      if (this.#byDomain.get(domain) === company.guid) this.#byDomain.delete(domain);
    } else this.#present.set(company.guid, { ...presence, visitors: presence.visitors - 1 });
  }
}

function byName(a: CompanyCount, b: CompanyCount): number {
  return compareTexts(a.company.name, b.company.name);
}
