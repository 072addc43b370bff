/** Keeps what the reader wants to see in the page's address, so that it can be shared and the Back button works. */

import { Subscribers } from '../shared/subscribers';
import { type Query, readQuery, writeQuery } from './query';

/** Milliseconds after the last keystroke until the address is updated: browsers limit how often it may change. */
const WRITE_AFTER = 200;

/** Marks the history entry of the details. */
const DETAILS = 'details';

/** The query, its subscribers, and its copy in the address. */
export class Address {
  #query: Query;
  readonly #subscribers = new Subscribers();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #goingBack = false;

  constructor() {
    this.#query = readAddress();
    // The Back or Forward button, an address typed by hand, or `#goBack`.
    window.addEventListener('popstate', () => {
      clearTimeout(this.#timer);
      if (this.#goingBack) this.#returned();
      else this.#become(readAddress());
    });
    window.addEventListener('pagehide', () => this.#write());
  }

  get query(): Query {
    return this.#query;
  }

  readonly change = (part: Partial<Query>): void => {
    const before = this.#query.visitor;
    const { visitor = before } = part;
    if (!this.#goingBack && before === null && visitor !== null) {
      this.#write();
      this.#push();
    }
    this.#become({ ...this.#query, ...part });
    if (before !== null && visitor === null) this.#goBack();
    clearTimeout(this.#timer);
    if (!this.#goingBack) this.#timer = setTimeout(() => this.#write(), WRITE_AFTER);
  };

  /** Brings the page's address up to date now. */
  write(): void {
    this.#write();
  }

  readonly subscribe = this.#subscribers.subscribe;

  #become(query: Query): void {
    this.#query = query;
    this.#subscribers.notify();
  }

  /** Adds a history entry for the details, so that Back closes them. */
  #push(): void {
    window.history.pushState(DETAILS, '', window.location.href);
  }

  /** Removes the entry of `#push`, so that Back leaves the page after any number of details. */
  #goBack(): void {
    if (this.#goingBack || window.history.state !== DETAILS) return;
    this.#goingBack = true;
    window.history.back();
  }

  /** Brings the address up to date after `#goBack`: the query may have changed while the details were open. */
  #returned(): void {
    this.#goingBack = false;
    const { visitor } = this.#query;
    this.#write({ ...this.#query, visitor: null });
    if (visitor !== null) this.#push();
    this.#write();
  }

  #write(query = this.#query): void {
    clearTimeout(this.#timer);
    const parameters = writeQuery(query).toString();
    const { pathname, search, hash } = window.location;
    const wanted = parameters === '' ? '' : `?${parameters}`;
    if (wanted === search) return;
    window.history.replaceState(window.history.state, '', `${pathname}${wanted}${hash}`);
  }
}

function readAddress(): Query {
  return readQuery(new URLSearchParams(window.location.search));
}
