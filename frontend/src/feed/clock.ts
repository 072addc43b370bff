/** How long, in milliseconds, a quick frame vouches for the server's clock; at most twice as long. */
const WINDOW = 15_000;

/**
 * The server's clock as seen from here.
 *
 * The browser's own clock may be minutes wrong, so it is never asked: what counts is how far the server's
 * `now` is ahead of the time elapsed on this page. Every frame says so a little late, by the time it
 * travelled, hence the frame that came quickest is the one to believe. It is believed for a while only, so
 * that the two clocks may drift.
 */
export class ServerClock {
  #current: Lead | null = null;
  #previous: Lead | null = null;

  /**
   * Learns from a frame.
   *
   * @param serverNow the frame's `now`, in milliseconds since the epoch
   * @param elapsed when it arrived, in milliseconds of a clock that never jumps
   */
  observe(serverNow: number, elapsed: number): void {
    const lead = serverNow - elapsed;
    if (this.#current === null || elapsed - this.#current.since >= WINDOW) {
      this.#previous = this.#current;
      this.#current = { lead, since: elapsed };
    } else if (lead > this.#current.lead) {
      this.#current.lead = lead;
    }
  }

  /**
   * The server's time, in milliseconds since the epoch, when this page's clock says `elapsed`; null before
   * any frame.
   */
  at(elapsed: number): number | null {
    if (this.#current === null) return null;
    return elapsed + Math.max(this.#current.lead, this.#previous?.lead ?? -Infinity);
  }

  /** Forgets everything: the next frame may come from another server. */
  reset(): void {
    this.#current = null;
    this.#previous = null;
  }
}

/** How far the server is ahead of this page, as the quickest frame since then said. */
interface Lead {
  lead: number;
  since: number;
}
