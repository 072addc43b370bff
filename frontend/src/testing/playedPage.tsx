import { act, render } from '@testing-library/react';
import type { ReactNode } from 'react';
import type { Frame } from '../feed/frame';
import { Live } from '../store/live';
import { PlayedBrowser } from './playedBrowser';
import { Address } from '../address/address';
import { AddressContext } from '../address/useQuery';
import { Lookout } from '../watch/lookout';
import type { Memory } from '../watch/memory';
import { Notices } from '../watch/notices';
import { WatchContext } from '../watch/useWatch';
import { Watchlist } from '../watch/watchlist';

const noMemory: Memory = { read: () => null, write: () => undefined, watch: () => undefined };
import { LiveContext } from '../store/useLive';

/** A page for tests of its parts: frames come, time passes and paints happen when the test says so. */
export class PlayedPage {
  readonly watchlist = new Watchlist(noMemory);
  readonly address = new Address();
  readonly #lookout = new Lookout(this.watchlist, () => undefined);
  readonly #browser = new PlayedBrowser();
  readonly #live = new Live(this.#browser, (change) => this.#lookout.note(change));

  show(part: ReactNode): HTMLElement {
    const watch = { watchlist: this.watchlist, lookout: this.#lookout, notices: new Notices(noMemory) };
    return render(
      <LiveContext value={this.#live}>
        <WatchContext value={watch}>
          <AddressContext value={this.address}>{part}</AddressContext>
        </WatchContext>
      </LiveContext>,
    ).container;
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
      this.#browser.pass(milliseconds);
      this.#live.tick();
      this.#browser.paint();
    });
  }
}
