import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Page } from './Page';
import { ErrorBoundary } from './ErrorBoundary';
import { Connection, socketUrl } from './feed/connection';
import { Live } from './store/live';
import { browserSite, redirectIfLoggedOut } from './login/login';
import { LiveContext } from './store/useLive';
import { onNextFrame } from './nextFrame';
import { Address } from './address/address';
import { makePlan } from './listing/plan';
import { AddressContext } from './address/useQuery';
import { titleOf } from './title';
import { Settings, SettingsContext } from './settings/useSettings';
import { language, subscribeLanguage } from './shared/messages/language';
import { WatchMonitor } from './watch/watchMonitor';
import { localStorageText } from './shared/storedText';
import { Notifications } from './watch/notifications';
import { WatchContext } from './watch/useWatch';
import { followTeamWatchlist, TeamWatchlist } from './watch/teamWatchlist';
import { Watchlist, Watchlists } from './watch/watchlist';
import './tokens.css';
import './page.css';
import './components/controls.css';

const settings = new Settings({
  language: localStorageText('language'),
  theme: localStorageText('theme'),
  columns: localStorageText('columns'),
});
const notifications = new Notifications(localStorageText('notices'));
const team = new TeamWatchlist();
const watchlists = new Watchlists(new Watchlist(localStorageText('watchlist')), team);
const monitor = new WatchMonitor(watchlists, notifications.notify);
const address = new Address();
const live = new Live(
  {
    elapsed: () => performance.now(),
    onNextFrame,
    setTimer: (milliseconds, callback) => setTimeout(callback, milliseconds),
    warn: (message) => console.warn(message),
  },
  (change) => monitor.apply(change),
);

settings.apply();
subscribeLanguage(speak);
speak();
address.subscribe(follow);
watchlists.subscribe(follow);
follow();
new Connection(socketUrl(window.location), live, () => void redirectIfLoggedOut(browserSite)).open();
void followTeamWatchlist(team);
tick();

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <LiveContext value={live}>
        <WatchContext value={{ watchlists, monitor, notifications }}>
          <AddressContext value={address}>
            <SettingsContext value={settings}>
              <Page />
            </SettingsContext>
          </AddressContext>
        </WatchContext>
      </LiveContext>
    </ErrorBoundary>
  </StrictMode>,
);

/** Updates ages every second of the server's clock, and the title, which a hidden tab shows too. */
function tick(): void {
  setTimeout(tick, live.tick());
  document.title = titleOf(monitor.watched);
}

/** Tells the browser which language the page is in. */
function speak(): void {
  document.documentElement.lang = language();
}

/** Applies the address's query to the table. */
function follow(): void {
  live.setPlan(makePlan(address.query, watchlists.includes, watchlists.version));
}
