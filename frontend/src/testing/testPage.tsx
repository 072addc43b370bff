import { act, render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { Address } from '../address/address';
import { AddressContext } from '../address/useQuery';
import type { Frame } from '../feed/frame';
import { Live } from '../store/live';
import { LiveContext } from '../store/useLive';
import { Settings, SettingsContext } from '../settings/useSettings';
import type { StoredText } from '../shared/storedText';
import { Notifications } from '../watch/notifications';
import { WatchContext } from '../watch/useWatch';
import { TeamWatchlist } from '../watch/teamWatchlist';
import { Watchlist, Watchlists } from '../watch/watchlist';
import { WatchMonitor } from '../watch/watchMonitor';
import { FakeEnvironment } from './fakeEnvironment';

const noStorage: StoredText = { read: () => null, write: () => undefined, subscribe: () => undefined };

/** Renders parts of the page; the test controls frames and time. */
export class TestPage {
  readonly watchlist = new Watchlist(noStorage);
  readonly team = new TeamWatchlist();
  readonly #watchlists = new Watchlists(this.watchlist, this.team);
  readonly address = new Address();
  readonly #monitor = new WatchMonitor(this.#watchlists, () => undefined);
  readonly #environment = new FakeEnvironment();
  readonly #live = new Live(this.#environment, (change) => this.#monitor.apply(change));

  render(part: ReactNode): HTMLElement {
    const watch = {
      watchlists: this.#watchlists,
      monitor: this.#monitor,
      notifications: new Notifications(noStorage, () => undefined),
    };
    const settings = new Settings({ language: noStorage, theme: noStorage, columns: noStorage });
    return render(
      <LiveContext value={this.#live}>
        <WatchContext value={watch}>
          <AddressContext value={this.address}>
            <SettingsContext value={settings}>{part}</SettingsContext>
          </AddressContext>
        </WatchContext>
      </LiveContext>,
    ).container;
  }

  /** Receives frames over a working connection, all before the next rendered frame. */
  receive(...frames: Frame[]): void {
    this.receiveRaw(...frames.map((frame) => JSON.stringify(frame)));
  }

  receiveRaw(...messages: string[]): void {
    act(() => {
      for (const message of messages) this.#live.onMessage(message);
      this.#live.onConnectionChange(true);
      this.#environment.renderFrame();
    });
  }

  disconnect(): void {
    act(() => {
      this.#live.onConnectionChange(false);
      this.#environment.renderFrame();
    });
  }

  advance(milliseconds: number): void {
    act(() => {
      this.#environment.advance(milliseconds);
      this.#live.tick();
      this.#environment.renderFrame();
    });
  }
}
