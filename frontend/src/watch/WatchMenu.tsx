import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { readableDomain } from '../shared/domain';
import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import type { NotificationState } from './notifications';
import { EntryLink } from './EntryLink';
import { TeamEntries } from './TeamEntries';
import { useNotificationState, useWatch, useWatched } from './useWatch';
import './watch.css';

/** The reader's own watchlist and the team's, and the number of their visitors on the site. */
export function WatchMenu() {
  const { monitor } = useWatch();
  const domains = useWatched();
  const here = useLive(() => monitor.watched);
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className="button watch-menu" data-here={here > 0 || undefined}>
        <Icon name="star" filled={domains.size > 0} />
        <span className="watch-word">{t('watchlist')}</span>
        {here > 0 && <span className="badge">{t('hereCount', { count: here })}</span>}
      </Popover.Trigger>
      <PopoverPanel className="watchlist" aria-label={t('watchlist')}>
        <AddDomain />
        {domains.size === 0 && <p className="quiet">{t('watchHint')}</p>}
        <ul>
          {[...domains].map((domain) => (
            <Watched key={domain} domain={domain} onFollow={close} />
          ))}
        </ul>
        <TeamEntries onFollow={close} />
        <NotificationChoice />
      </PopoverPanel>
    </Popover.Root>
  );
}

function Watched({ domain, onFollow }: { domain: string; onFollow: () => void }) {
  const { watchlists, monitor } = useWatch();
  const visitors = useLive(() => monitor.visitorsFrom(domain));
  return (
    <li className="watched">
      <EntryLink show={{ company: domain }} onFollow={onFollow}>
        {readableDomain(domain)}
      </EntryLink>
      <span className={visitors > 0 ? 'badge' : 'quiet'}>
        {visitors > 0 ? t('hereCount', { count: visitors }) : t('notHere')}
      </span>
      <button
        type="button"
        className="watch-button"
        aria-label={t('stopWatching', { domain: readableDomain(domain) })}
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
        aria-label={t('watchDomain')}
        aria-invalid={refused}
        aria-describedby="domain-refused"
        placeholder="company.example"
        autoComplete="off"
        spellCheck={false}
        value={domain}
        onChange={({ target }) => setDomain(target.value)}
      />
      <button type="submit" className="button">
        {t('watch')}
      </button>
      <p id="domain-refused" className="refused" role="alert">
        {refused && t('watchRefused')}
      </p>
    </form>
  );
}

const NOTICES: Record<NotificationState, MessageKey> = {
  on: 'noticesOn',
  off: 'noticesOff',
  denied: 'noticesDenied',
  unsupported: 'noticesUnsupported',
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
      <span>{t(NOTICES[state])}</span>
    </label>
  );
}
