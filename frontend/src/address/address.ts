/** The door to the page's address, which holds what the table shows, so that it can be shared and come back to. */

import { type Query, readQuery, writeQuery } from './query';

/** How long, in milliseconds, typing must rest before the address follows: browsers limit how often it may change. */
const WRITE_AFTER = 200;

/** What the reader wants to see; changed here, told to whoever watches, and kept in the address. */
export class Address {
  #query: Query;
  readonly #watchers = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#query = readAddress();
    // Back and forward, or an address typed by hand.
    window.addEventListener('popstate', () => {
      clearTimeout(this.#timer);
      this.#become(readAddress());
    });
    window.addEventListener('pagehide', () => this.#write());
  }

  get query(): Query {
    return this.#query;
  }

  /** Changes parts of the query. */
  readonly change = (part: Partial<Query>): void => {
    const opens = part.visitor !== undefined && part.visitor !== null && this.#query.visitor === null;
    if (opens) {
      // Opening a visitor's details is a step that one wants to go back from.
      this.#write();
      window.history.pushState(null, '', window.location.href);
    }
    this.#become({ ...this.#query, ...part });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), WRITE_AFTER);
  };

  /** Calls back when the query has changed, until the returned function is called. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  #become(query: Query): void {
    this.#query = query;
    for (const watcher of this.#watchers) watcher();
  }

  #write(): void {
    clearTimeout(this.#timer);
    const parameters = writeQuery(this.#query).toString();
    const { pathname, search, hash } = window.location;
    const wanted = parameters === '' ? '' : `?${parameters}`;
    if (wanted !== search) window.history.replaceState(null, '', `${pathname}${wanted}${hash}`);
  }
}

function readAddress(): Query {
  return readQuery(new URLSearchParams(window.location.search));
}
