import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Page } from './Page';
import { ErrorBoundary } from './ErrorBoundary';
import { Connection, socketUrl } from './feed/connection';
import { CAN_DECOMPRESS } from './feed/inOrder';
import { readHistory } from './feed/history';
import { Live } from './store/live';
import { browserSite, redirectIfLoggedOut } from './login/login';
import { followHistory } from './store/followHistory';
import { LiveContext } from './store/useLive';
import { onNextFrame } from './nextFrame';
import { Address } from './address/address';
import { makePlan } from './listing/plan';
import { withoutFilters } from './address/query';
import { addressOf } from './shared/domain';
import { AddressContext } from './address/useQuery';
import { titleOf } from './title';
import { Settings, SettingsContext } from './settings/useSettings';
import { language, subscribeLanguage } from './shared/messages/language';
import { WatchMonitor } from './watch/watchMonitor';
import { localStorageText } from './shared/storedText';
import { followLooking } from './watch/looking';
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
const address = new Address();
const notifications = new Notifications(localStorageText('notices'), (company) =>
  address.change({ ...withoutFilters(address.query), company: addressOf(company), visitor: null }),
);
const team = new TeamWatchlist();
const watchlists = new Watchlists(new Watchlist(localStorageText('watchlist')), team);
const monitor = new WatchMonitor(watchlists, (company) => void notifications.notify(company));
const live = new Live(
  {
    elapsed: () => performance.now(),
    onNextFrame,
    setTimer: (milliseconds, callback) => setTimeout(callback, milliseconds),
    warn: (message) => console.warn(message),
  },
  (change) => {
    monitor.apply(change);
    showTitle();
  },
);

settings.apply();
followLooking();
subscribeLanguage(speak);
speak();
address.subscribe(follow);
watchlists.subscribe(follow);
follow();
new Connection(socketUrl(window.location.href, CAN_DECOMPRESS), live, () => {
  // The address must hold what the reader sees, because the login form leads back to it.
  address.write();
  void redirectIfLoggedOut(browserSite);
}).open();
void followTeamWatchlist(team);
followHistory(live, readHistory);
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
  showTitle();
}

/** Only the title of a hidden tab is visible, so it does not wait for a timer. */
function showTitle(): void {
  const title = titleOf(monitor.watched);
  if (document.title !== title) document.title = title;
}

/** Tells the browser which language the page is in. */
function speak(): void {
  document.documentElement.lang = language();
}

/** Applies the address's query to the table. */
function follow(): void {
  live.journal.pin(address.query.visitor);
  live.setPlan(makePlan(address.query, watchlists.includes, watchlists.version));
}
