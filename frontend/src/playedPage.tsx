import { act, render } from '@testing-library/react';
import type { ReactNode } from 'react';
import type { Frame } from './frame';
import { Live } from './live';
import { PlayedBrowser } from './playedBrowser';
import { LiveContext } from './useLive';

/** A page for tests of its parts: frames come, time passes and paints happen when the test says so. */
export class PlayedPage {
  readonly #browser = new PlayedBrowser();
  readonly #live = new Live(this.#browser);

  show(part: ReactNode): HTMLElement {
    return render(<LiveContext value={this.#live}>{part}</LiveContext>).container;
  }

  /** Lets frames come over a line that is up, all between two paints. */
  receive(...frames: Frame[]): void {
    this.hear(...frames.map((frame) => JSON.stringify(frame)));
  }

  hear(...messages: string[]): void {
    act(() => {
      for (const message of messages) this.#live.onMessage(message);
      this.#live.onLink(true);
      this.#browser.paint();
    });
  }

  loseLine(): void {
    act(() => {
      this.#live.onLink(false);
      this.#browser.paint();
    });
  }

  pass(milliseconds: number): void {
    act(() => {
      this.#browser.time += milliseconds;
      this.#live.tick();
      this.#browser.paint();
    });
  }
}
