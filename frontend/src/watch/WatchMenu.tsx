import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { Icon } from '../components/Icon';
import { formatCount } from '../shared/format';
import { useLive } from '../store/useLive';
import type { NotificationState } from './notifications';
import { TeamEntries } from './TeamEntries';
import { useNotificationState, useWatch, useWatched } from './useWatch';
import './watch.css';

/** The reader's own watchlist and the team's, and the number of their visitors on the site. */
export function WatchMenu() {
  const { monitor } = useWatch();
  const domains = useWatched();
  const here = useLive(() => monitor.watched);
  return (
    <Popover.Root>
      <Popover.Trigger className="button watch-menu" data-here={here > 0 || undefined}>
        <Icon name="star" filled={domains.size > 0} />
        <span className="watch-word">Watchlist</span>
        {here > 0 && <span className="badge">{formatCount(here)} here</span>}
      </Popover.Trigger>
      <Popover.Content
        className="popover watchlist"
        aria-label="Watchlist"
        align="end"
        sideOffset={6}
        collisionPadding={12}
      >
        <AddDomain />
        {domains.size === 0 && (
          <p className="quiet">
            Add the domain of a company here, or click the star beside it in the table, to see when it visits.
          </p>
        )}
        <ul>
          {[...domains].map((domain) => (
            <Watched key={domain} domain={domain} />
          ))}
        </ul>
        <TeamEntries />
        <NotificationChoice />
      </Popover.Content>
    </Popover.Root>
  );
}

function Watched({ domain }: { domain: string }) {
  const { watchlists, monitor } = useWatch();
  const visitors = useLive(() => monitor.visitorsFrom(domain));
  return (
    <li className="watched">
      <span className="line">{domain}</span>
      <span className={visitors > 0 ? 'badge' : 'quiet'}>
        {visitors > 0 ? `${formatCount(visitors)} here` : 'not here'}
      </span>
      <button
        type="button"
        className="watch-button"
        aria-label={`Stop watching ${domain}`}
        onClick={() => watchlists.own.remove(domain)}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

function AddDomain() {
  const { own } = useWatch().watchlists;
  const [domain, setDomain] = useState('');
  const [refused, setRefused] = useState(false);
  return (
    <form
      className="add-domain"
      onSubmit={(event) => {
        event.preventDefault();
        const added = own.add(domain);
        setRefused(!added);
        if (added) setDomain('');
      }}
    >
      <input
        className="search"
        aria-label="Domain to watch"
        aria-invalid={refused}
        aria-describedby="domain-refused"
        placeholder="company.example"
        autoComplete="off"
        spellCheck={false}
        value={domain}
        onChange={({ target }) => setDomain(target.value)}
      />
      <button type="submit" className="button">
        Watch
      </button>
      <p id="domain-refused" className="refused" role="alert">
        {refused && 'This is not a domain. Enter one like company.example.'}
      </p>
    </form>
  );
}

const NOTICES: Record<NotificationState, string> = {
  on: 'Notifications of arrivals are on.',
  off: 'Notify me when a company on this list arrives.',
  denied: 'Notifications are blocked in the browser’s settings for this page.',
  unsupported: 'Notifications are not available here; the page’s title counts arrivals.',
};

function NotificationChoice() {
  const { notifications } = useWatch();
  const state = useNotificationState();
  return (
    <label className="notice-choice">
      <input
        type="checkbox"
        checked={state === 'on'}
        disabled={state === 'denied' || state === 'unsupported'}
        onChange={({ target }) => void notifications.setEnabled(target.checked)}
      />
      {NOTICES[state]}
    </label>
  );
}
