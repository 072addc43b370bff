/** Milliseconds for which the best offset counts, and at most twice as long. */
const WINDOW = 15_000;

/**
 * The server's clock, estimated from frames.
 *
 * The browser's own clock may be minutes off, so it is never used. Each frame gives the offset between the server's
 * `now` and the time elapsed on this page, minus its network delay. The frame with the shortest delay gives the
 * largest offset, and that one is right. It counts for a limited time, because the two clocks drift apart.
 */
export class ServerClock {
  #current: Offset | null = null;
  #previous: Offset | null = null;

  /**
   * Adds the time of a frame.
   *
   * @param serverNow the frame's `now`, in milliseconds since the epoch
   * @param elapsed when it arrived, in milliseconds of a monotonic clock
   */
  observe(serverNow: number, elapsed: number): void {
    const offset = serverNow - elapsed;
    if (this.#current === null || elapsed - this.#current.since >= WINDOW) {
      this.#previous = this.#current;
      this.#current = { offset, since: elapsed };
    } else if (offset > this.#current.offset) {
      this.#current.offset = offset;
    }
  }

  /** The server's time, in milliseconds since the epoch, at a time of the monotonic clock; null before any frame. */
  at(elapsed: number): number | null {
    if (this.#current === null) return null;
    return elapsed + Math.max(this.#current.offset, this.#previous?.offset ?? -Infinity);
  }

  /** Starts again: the next frame may come from another server. */
  reset(): void {
    this.#current = null;
    this.#previous = null;
  }
}

/** The largest offset since `since`, both in milliseconds. */
interface Offset {
  offset: number;
  since: number;
}
