/** Milliseconds for which a closing is remembered; the pipeline itself remembers it for as long. */
export const REMEMBERED = 600_000;
/** How many closings are remembered at most. */
export const MOST_CLOSINGS = 100_000;

/**
 * Which sessions this page was told are closed.
 *
 * A closing ends a session for good, but a gateway that is behind has yet to read of it: one that was frozen, or
 * that reads on after an interruption. A page that moves there is shown the session once more, and knows better.
 */
export class Closings {
  /** When each was noted, in milliseconds of the server's time; the oldest comes first. */
  readonly #notedAt = new Map<string, number>();

  get size(): number {
    return this.#notedAt.size;
  }

  note(guid: string, now: number): void {
    // Deleted first, so that one that is noted again moves to the end.
    this.#notedAt.delete(guid);
    this.#notedAt.set(guid, now);
  }

  has(guid: string): boolean {
    return this.#notedAt.has(guid);
  }

  /**
   * Forgets what is too old or too much; done once for each frame, since the way to the first entry of a map is
   * long after many have been deleted there.
   */
  forget(now: number): void {
    for (const [guid, at] of this.#notedAt) {
      if (this.#notedAt.size <= MOST_CLOSINGS && now - at < REMEMBERED) return;
      this.#notedAt.delete(guid);
    }
  }
}
