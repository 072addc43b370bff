import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { useLive } from '../store/useLive';
import { formatCount } from '../shared/format';
import { Icon } from '../components/Icon';
import { useNoticeState, useWatch, useWatched } from './useWatch';
import type { NoticeState } from './notices';
import './watch.css';

/** The watchlist, and how many of its visitors are there. */
export function WatchMenu() {
  const { lookout } = useWatch();
  const domains = useWatched();
  const here = useLive(() => lookout.watched);
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
            Companies that you wait for: add their domain here, or press the star beside one in the table.
          </p>
        )}
        <ul>
          {[...domains].map((domain) => (
            <Watched key={domain} domain={domain} />
          ))}
        </ul>
        <NoticeChoice />
      </Popover.Content>
    </Popover.Root>
  );
}

function Watched({ domain }: { domain: string }) {
  const { watchlist, lookout } = useWatch();
  const visitors = useLive(() => lookout.visitorsFrom(domain));
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
        onClick={() => watchlist.remove(domain)}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

function AddDomain() {
  const { watchlist } = useWatch();
  const [domain, setDomain] = useState('');
  const [refused, setRefused] = useState(false);
  return (
    <form
      className="add-domain"
      onSubmit={(event) => {
        event.preventDefault();
        const added = watchlist.add(domain);
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
        {refused && 'That is no domain: it looks like company.example.'}
      </p>
    </form>
  );
}

const NOTICES: Record<NoticeState, string> = {
  on: 'The browser tells of arrivals.',
  off: 'Tell me of arrivals when I look elsewhere.',
  refused: 'The browser’s settings forbid this page to tell of arrivals.',
  impossible: 'This browser cannot tell of arrivals here; the page’s title counts them.',
};

function NoticeChoice() {
  const { notices } = useWatch();
  const state = useNoticeState();
  return (
    <label className="notice-choice">
      <input
        type="checkbox"
        checked={state === 'on'}
        disabled={state === 'refused' || state === 'impossible'}
        onChange={({ target }) => void notices.want(target.checked)}
      />
      {NOTICES[state]}
    </label>
  );
}
