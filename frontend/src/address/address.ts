/**
 * Keeps what the reader wants to see in the page's address, so that it can be shared and the Back button
 * works.
 */

import { type Query, readQuery, writeQuery } from './query';

/**
 * Milliseconds after the last keystroke until the address is updated: browsers limit how often it may
 * change.
 */
const WRITE_AFTER = 200;

/** The query, its subscribers, and its copy in the address. */
export class Address {
  #query: Query;
  readonly #subscribers = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#query = readAddress();
    // The Back or Forward button, or an address typed by hand.
    window.addEventListener('popstate', () => {
      clearTimeout(this.#timer);
      this.#become(readAddress());
    });
    window.addEventListener('pagehide', () => this.#write());
  }

  get query(): Query {
    return this.#query;
  }

  readonly change = (part: Partial<Query>): void => {
    const opens = part.visitor !== undefined && part.visitor !== null && this.#query.visitor === null;
    if (opens) {
      // A history entry of its own, so that Back closes the details.
      this.#write();
      window.history.pushState(null, '', window.location.href);
    }
    this.#become({ ...this.#query, ...part });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), WRITE_AFTER);
  };

  /** Calls `subscriber` after each change until the returned function is called. */
  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  };

  #become(query: Query): void {
    this.#query = query;
    for (const subscriber of this.#subscribers) subscriber();
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
