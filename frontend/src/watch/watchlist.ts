import type { Company } from '../feed/frame';
import { Subscribers } from '../shared/subscribers';
import type { StoredText } from './storedText';

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
      this.#tell();
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

  readonly includes = ({ domain }: Company): boolean => {
    return this.#domains.size > 0 && this.#domains.has(normalDomain(domain));
  };

  /** Adds a domain; returns false if the text is not one. */
  add(domain: string): boolean {
    const normal = normalDomain(domain);
    if (!/^[^\s.]+(\.[^\s.]+)+$/.test(normal)) return false;
    this.#change(new Set([...this.#domains, normal]));
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
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    this.#subscribers.notify();
  }
}

/** The normalized domain, also of a pasted web address. */
export function normalDomain(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/[/?#].*$/, '')
    .replace(/^www\./, '')
    .replace(/\.$/, '');
}

function readDomains(text: string | null): ReadonlySet<string> {
  try {
    const list: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(list)) return new Set();
    return new Set(list.filter((item) => typeof item === 'string').map(normalDomain));
  } catch {
    // Written by something else: an empty list is better than no page.
    return new Set();
  }
}
