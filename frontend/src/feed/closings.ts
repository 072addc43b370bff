/** Milliseconds for which a closing is remembered, as long as in the pipeline itself. */
export const RETENTION = 600_000;
export const MAX_CLOSINGS = 100_000;

/**
 * The sessions that were closed while this page was open.
 *
 * A closed session never comes back, but a gateway that lags behind may still have it in a snapshot. The page then
 * ignores it.
 */
export class Closings {
  /** Server time of each closing, the oldest first. */
  readonly #closedAt = new Map<string, number>();

  get size(): number {
    return this.#closedAt.size;
  }

  add(guid: string, now: number): void {
    // Deleted first, so that a repeated closing moves to the end.
    this.#closedAt.delete(guid);
    this.#closedAt.set(guid, now);
  }

  has(guid: string): boolean {
    return this.#closedAt.has(guid);
  }

  /**
   * Removes the oldest closings. Called once per frame, because finding the first entry of a map is slow after many
   * deletions at its start.
   */
  forget(now: number): void {
    for (const [guid, at] of this.#closedAt) {
      if (this.#closedAt.size <= MAX_CLOSINGS && now - at < RETENTION) return;
      this.#closedAt.delete(guid);
    }
  }
}
