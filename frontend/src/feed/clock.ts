/** Milliseconds for which the best offset counts, and at most twice as long. */
const WINDOW = 15_000;
/** Milliseconds by which the server's clock has been set back if frames agree on it; less may be a slow network. */
const JUMP = 2_000;
/** Milliseconds for which they must agree. Frames that were delayed arrive together, so they agree only for an instant. */
const JUMP_CONFIRMED_AFTER = 1_500;
/** Milliseconds by which the offsets of such frames may differ. */
const JUMP_TOLERANCE = 500;

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
  /** The first of the frames that say that the server's clock has been set back. */
  #jump: Offset | null = null;

  /**
   * Adds the time of a frame.
   *
   * @param serverNow the frame's `now`, in milliseconds since the epoch
   * @param elapsed when it arrived, in milliseconds of a monotonic clock
   */
  observe(serverNow: number, elapsed: number): void {
    const offset = serverNow - elapsed;
    this.#followJump(offset, elapsed);
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
    this.#jump = null;
  }

  /** Forgets the offsets from before the server's clock was set back. */
  #followJump(offset: number, elapsed: number): void {
    const best = Math.max(this.#current?.offset ?? -Infinity, this.#previous?.offset ?? -Infinity);
    if (best - offset < JUMP) {
      this.#jump = null;
    } else if (this.#jump === null || Math.abs(offset - this.#jump.offset) > JUMP_TOLERANCE) {
      this.#jump = { offset, since: elapsed };
    } else if (elapsed - this.#jump.since >= JUMP_CONFIRMED_AFTER) {
      this.reset();
    }
  }
}

/** The largest offset since `since`, both in milliseconds. */
interface Offset {
  offset: number;
  since: number;
}
