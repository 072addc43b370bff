import type { Company } from '../feed/frame';
import type { Memory } from './memory';

/**
 * The companies that the reader waits for, by their domain: it is what people know of a company, and stays the same
 * where its GUID does not.
 */
export class Watchlist {
  readonly #memory: Memory;
  readonly #watchers = new Set<() => void>();
  #domains: ReadonlySet<string>;
  #version = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#domains = readDomains(memory.read());
    memory.watch(() => {
      this.#domains = readDomains(memory.read());
      this.#tell();
    });
  }

  /** In the order in which they were put on; another set with every change. */
  get domains(): ReadonlySet<string> {
    return this.#domains;
  }

  /** Counts the changes. */
  get version(): number {
    return this.#version;
  }

  /** Calls back when the list has changed, until the returned function is called. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly holds = ({ domain }: Company): boolean => {
    return this.#domains.size > 0 && this.#domains.has(normalDomain(domain));
  };

  /** Puts a domain on the list; what is none is not put there, and false is returned. */
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
    this.#memory.write(JSON.stringify([...domains]));
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    for (const watcher of this.#watchers) watcher();
  }
}

/** The domain as it is compared: also of a web address, as people paste it. */
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
    // Whatever else has written there: an empty list is better than no page.
    return new Set();
  }
}
