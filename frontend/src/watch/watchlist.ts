import type { Company } from '../feed/frame';
import { isHost, normalDomain } from '../shared/domain';
import { Subscribers } from '../shared/subscribers';
import type { StoredText } from '../shared/storedText';
import type { TeamWatchlist } from './teamWatchlist';

/**
 * The companies that the reader waits for, by domain, because people know a company's domain and its GUID may change.
 */
export class Watchlist {
  readonly #storage: StoredText;
  readonly #subscribers = new Subscribers();
  #domains: ReadonlySet<string>;
  #version = 0;

  constructor(storage: StoredText) {
    this.#storage = storage;
    this.#domains = readDomains(storage.read());
    storage.subscribe(() => {
      this.#domains = readDomains(storage.read());
      this.#notify();
    });
  }

  /** In the order in which they were added; replaced with each change. */
  get domains(): ReadonlySet<string> {
    return this.#domains;
  }

  /** Incremented with each change. */
  get version(): number {
    return this.#version;
  }

  readonly subscribe = this.#subscribers.subscribe;

  readonly includes = ({ domain }: Pick<Company, 'domain'>): boolean => {
    return this.#domains.size > 0 && this.#domains.has(normalDomain(domain));
  };

  /**
   * Adds a domain, or several that are separated by blanks or commas. Of a web address or an email address, the domain
   * is added.
   *
   * @returns false, and adds nothing, if one of them cannot be a company's domain
   */
  add(text: string): boolean {
    const domains = text
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(normalDomain);
    if (domains.length === 0 || !domains.every(isHost)) return false;
    this.#change(new Set([...this.#domains, ...domains]));
    return true;
  }

  remove(domain: string): void {
    const without = new Set(this.#domains);
    without.delete(normalDomain(domain));
    this.#change(without);
  }

  #change(domains: ReadonlySet<string>): void {
    this.#domains = domains;
    this.#storage.write(JSON.stringify([...domains]));
    this.#notify();
  }

  #notify(): void {
    this.#version += 1;
    this.#subscribers.notify();
  }
}

/** What the table and the monitor ask of the watchlists. */
export interface Watching {
  readonly includes: (company: Company) => boolean;
  /** Changes with each change of a list. */
  readonly version: number;
}

/** The reader's own list and the team's, as one. */
export class Watchlists implements Watching {
  readonly own: Watchlist;
  readonly team: TeamWatchlist;

  constructor(own: Watchlist, team: TeamWatchlist) {
    this.own = own;
    this.team = team;
  }

  get version(): number {
    return this.own.version + this.team.version;
  }

  readonly includes = (company: Company): boolean =>
    this.own.includes(company) || this.team.includes(company);

  readonly subscribe = (subscriber: () => void): (() => void) => {
    const unsubscribe = [this.own.subscribe(subscriber), this.team.subscribe(subscriber)];
    return () => {
      for (const end of unsubscribe) end();
    };
  };
}

function readDomains(text: string | null): ReadonlySet<string> {
  try {
    const list: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(list)) return new Set();
    // Earlier versions kept entries that can never match.
    return new Set(
      list
        .filter((item) => typeof item === 'string')
        .map(normalDomain)
        .filter(isHost),
    );
  } catch {
    // Invalid content: an empty list is better than no page.
    return new Set();
  }
}
