import type { Query } from '../address/query';
import { addressOf } from '../shared/domain';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { EntryLink } from './EntryLink';
import { TeamWatchlist } from './teamWatchlist';
import { useTeamEntries, useWatch } from './useWatch';

/** The team's watchlist, which only its file can change. Nothing while it is empty. */
export function TeamEntries({ onFollow }: { onFollow: () => void }) {
  const entries = useTeamEntries();
  if (entries.length === 0) return null;
  return (
    <section className="team-entries" aria-labelledby="team-watchlist">
      <h3 id="team-watchlist">{t('teamWatchlist')}</h3>
      <p className="quiet">{t('teamWatchlistHint')}</p>
      <ul>
        {entries.map((entry) => (
          <TeamEntry key={entry} entry={entry} onFollow={onFollow} />
        ))}
      </ul>
    </section>
  );
}

function TeamEntry({ entry, onFollow }: { entry: string; onFollow: () => void }) {
  const { monitor } = useWatch();
  const visitors = useLive(() => monitor.visitorsWhere(only(entry)));
  // The company of a GUID is known by its domain once it has been seen.
  const address = useLive(() => {
    const company = monitor.companyWhere(only(entry));
    return company === null ? entry : addressOf(company);
  });
  return (
    <li className="watched">
      <EntryLink show={shown(entry, address)} onFollow={onFollow}>
        {entry}
      </EntryLink>
      <span className={visitors > 0 ? 'badge' : 'quiet'}>
        {visitors > 0 ? t('hereCount', { count: visitors }) : t('notHere')}
      </span>
    </li>
  );
}

/** Several companies may be below a domain, so they are searched for among those watched. */
function shown(entry: string, address: string): Partial<Query> {
  return entry.startsWith('*.') ? { watched: true, search: entry.slice(2) } : { company: address };
}

function only(entry: string): TeamWatchlist['includes'] {
  const list = new TeamWatchlist();
  list.update([entry]);
  return list.includes;
}
