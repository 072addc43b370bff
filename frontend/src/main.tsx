import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { Failure } from './Failure';
import { Connection, socketUrl } from './feed/connection';
import { Live } from './store/live';
import { browserSite, renewPass } from './login/pass';
import { LiveContext } from './store/useLive';
import { beforePaint } from './paint';
import { Address } from './address/address';
import { planOf } from './listing/plan';
import { AddressContext } from './address/useQuery';
import { titleOf } from './title';
import { Lookout } from './watch/lookout';
import { browserMemory } from './watch/memory';
import { Notices } from './watch/notices';
import { WatchContext } from './watch/useWatch';
import { Watchlist } from './watch/watchlist';
import './tokens.css';
import './page.css';
import './components/controls.css';

const notices = new Notices(browserMemory('notices'));
const watchlist = new Watchlist(browserMemory('watchlist'));
const lookout = new Lookout(watchlist, notices.tell);
const address = new Address();
const live = new Live(
  {
    elapsed: () => performance.now(),
    beforePaint,
    after: (milliseconds, callback) => setTimeout(callback, milliseconds),
    warn: (message) => console.warn(message),
  },
  (change) => lookout.note(change),
);

address.watch(follow);
watchlist.watch(follow);
follow();
new Connection(socketUrl(window.location), live, () => void renewPass(browserSite)).open();
tick();

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <Failure>
      <LiveContext value={live}>
        <WatchContext value={{ watchlist, lookout, notices }}>
          <AddressContext value={address}>
            <App />
          </AddressContext>
        </WatchContext>
      </LiveContext>
    </Failure>
  </StrictMode>,
);

/** Keeps the ages ticking, with the server's seconds; and the title, which shows in a hidden tab as well. */
function tick(): void {
  setTimeout(tick, live.tick());
  document.title = titleOf(lookout.watched);
}

/** Lets the table be what the address says. */
function follow(): void {
  live.follow(planOf(address.query, watchlist.holds, watchlist.version));
}
