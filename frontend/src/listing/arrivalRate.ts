/** The arrivals per second above which rows would move too fast to be read, and below which they no longer do. */
const BUSY_FROM = 15;
const CALM_BELOW = 8;
/** Milliseconds over which the rate is measured. */
const WINDOW = 2_000;
/** Milliseconds after which the rate should be checked again. */
export const RATE_CHECK_INTERVAL = 500;

/** How many visitors arrive a second, measured in two windows. The older one counts less and less. */
export class ArrivalRate {
  #start = -Infinity;
  #current = 0;
  #previous = 0;

  /** @param elapsed milliseconds of a monotonic clock */
  add(elapsed: number): void {
    this.#turn(elapsed);
    this.#current += 1;
  }

  /**
   * Whether too many arrive for rows to move.
   *
   * @param wasBusy the last answer: it takes fewer arrivals to stay busy than to become it
   */
  isBusy(elapsed: number, wasBusy: boolean): boolean {
    this.#turn(elapsed);
    const older = 1 - (elapsed - this.#start) / WINDOW;
    const rate = ((this.#current + this.#previous * older) * 1_000) / WINDOW;
    return rate >= (wasBusy ? CALM_BELOW : BUSY_FROM);
  }

  #turn(elapsed: number): void {
    const windows = Math.floor((elapsed - this.#start) / WINDOW);
    if (windows < 1) return;
    this.#previous = windows === 1 ? this.#current : 0;
    this.#current = 0;
    this.#start = windows === 1 ? this.#start + WINDOW : elapsed;
  }
}
