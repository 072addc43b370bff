import type { Change } from '../feed/change';
import type { Session } from '../feed/frame';
import { compareTexts } from '../shared/collate';
import { countryName } from '../shared/origin';

/** The countries and networks of the visitors on the site, for the filters. */
export class Places {
  readonly #countries = new Map<string, number>();
  readonly #networks = new Map<string, number>();
  #outdated = false;

  /** Codes, sorted by name as of the last `updateLists`; the same array while nothing changes. */
  countries: readonly string[] = [];
  /** Sorted by name as of the last `updateLists`; the same array while nothing changes. */
  networks: readonly string[] = [];

  apply(change: Change): void {
    if (change.kind === 'came') this.#count(change.visitor.session, 1);
    if (change.kind === 'left') this.#count(change.visitor.session, -1);
    if (change.kind === 'changed') {
      this.#count(change.before, -1);
      this.#count(change.visitor.session, 1);
    }
  }

  /** Sorts the lists. It costs a pass over all places, so it is called once a second. */
  updateLists(): void {
    if (!this.#outdated) return;
    this.#outdated = false;
    this.countries = [...this.#countries.keys()].sort((a, b) => compareTexts(countryName(a), countryName(b)));
    this.networks = [...this.#networks.keys()].sort(compareTexts);
  }

  #count({ country, network }: Session, by: 1 | -1): void {
    if (country !== undefined) this.#add(this.#countries, country, by);
    if (network !== undefined) this.#add(this.#networks, network, by);
  }

  #add(counts: Map<string, number>, place: string, by: 1 | -1): void {
    const before = counts.get(place) ?? 0;
    if (before + by > 0) counts.set(place, before + by);
    else counts.delete(place);
    if (before === 0 || before + by <= 0) this.#outdated = true;
  }
}
