import type { Browser } from './live';

/** A browser for tests, whose time goes on and who paints when the test says so. */
export class PlayedBrowser implements Browser {
  time = 10_000;
  warnings: string[] = [];
  #callbacks: (() => void)[] = [];

  elapsed(): number {
    return this.time;
  }

  beforePaint(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  paint(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}
