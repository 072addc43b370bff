import type { Company } from '../feed/frame';
import { normalDomain } from '../shared/domain';
import { Subscribers } from '../shared/subscribers';

const PATH = 'api/watchlist';
/** Milliseconds between two reads of the gateway's list, which somebody may edit. */
const LOOK_INTERVAL = 60_000;
/** Milliseconds to wait for an answer. */
const REQUEST_TIMEOUT = 10_000;

/**
 * The companies that the whole team waits for, as the gateway's file names them: by domain, by `*.` and a domain for all
 * below it, or by GUID.
 */
export class TeamWatchlist {
  readonly #subscribers = new Subscribers();
  #entries: readonly string[] = [];
  #names: ReadonlySet<string> = new Set();
  #parents: readonly string[] = [];
  #version = 0;

  /** In the order of the file; replaced with each change. */
  get entries(): readonly string[] {
    return this.#entries;
  }

  /** Incremented with each change. */
  get version(): number {
    return this.#version;
  }

  readonly subscribe = this.#subscribers.subscribe;

  readonly includes = ({ guid, domain }: Company): boolean => {
    if (this.#entries.length === 0) return false;
    const normal = normalDomain(domain);
    return (
      this.#names.has(normal) ||
      this.#names.has(guid.toLowerCase()) ||
      this.#parents.some((parent) => normal.endsWith(parent))
    );
  };

  /** Adopts the gateway's list. */
  update(entries: readonly string[]): void {
    if (entries.join('\n') === this.#entries.join('\n')) return;
    this.#entries = entries;
    this.#names = new Set(entries.map(normalDomain));
    this.#parents = entries
      .filter((entry) => entry.startsWith('*.'))
      .map((entry) => `.${normalDomain(entry.slice(2))}`);
    this.#version += 1;
    this.#subscribers.notify();
  }
}

/** Reads the gateway's list now and then regularly. If it cannot be read, the previous list stays. */
export async function followTeamWatchlist(list: TeamWatchlist): Promise<never> {
  for (;;) {
    const entries = await read().catch(() => null);
    if (entries !== null) list.update(entries);
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
  }
}

/** The entries; null if the answer is not a list. */
export function parseEntries(answer: unknown): readonly string[] | null {
  if (typeof answer !== 'object' || answer === null || !('entries' in answer)) return null;
  const { entries } = answer;
  return Array.isArray(entries) ? entries.filter((entry) => typeof entry === 'string') : null;
}

async function read(): Promise<readonly string[] | null> {
  const response = await fetch(PATH, { signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
  return response.ok ? parseEntries(await response.json()) : null;
}
