import type { Browser } from '../store/live';

/** A browser for tests, whose time goes on and who paints when the test says so. */
export class PlayedBrowser implements Browser {
  time = 10_000;
  warnings: string[] = [];
  #callbacks: (() => void)[] = [];
  #timers: { at: number; callback: () => void }[] = [];

  elapsed(): number {
    return this.time;
  }

  beforePaint(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  after(milliseconds: number, callback: () => void): void {
    this.#timers.push({ at: this.time + milliseconds, callback });
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Lets time pass, and the timers that are due ring. */
  pass(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers = this.#timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
  }

  paint(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}
