import type { Environment } from '../store/live';

/** A browser whose time and frames the test controls. */
export class FakeEnvironment implements Environment {
  time = 10_000;
  warnings: string[] = [];
  #callbacks: (() => void)[] = [];
  #timers: { at: number; callback: () => void }[] = [];

  elapsed(): number {
    return this.time;
  }

  onNextFrame(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  setTimer(milliseconds: number, callback: () => void): void {
    this.#timers.push({ at: this.time + milliseconds, callback });
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Advances the time, and runs the timers that are due. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers = this.#timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
  }

  renderFrame(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}
