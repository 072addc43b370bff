import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { TeamWatchlist } from './teamWatchlist';
import { useTeamEntries, useWatch } from './useWatch';

/** The team's watchlist, which only its file can change. Nothing while it is empty. */
export function TeamEntries() {
  const entries = useTeamEntries();
  if (entries.length === 0) return null;
  return (
    <section className="team-entries" aria-labelledby="team-watchlist">
      <h3 id="team-watchlist">{t('teamWatchlist')}</h3>
      <p className="quiet">{t('teamWatchlistHint')}</p>
      <ul>
        {entries.map((entry) => (
          <TeamEntry key={entry} entry={entry} />
        ))}
      </ul>
    </section>
  );
}

function TeamEntry({ entry }: { entry: string }) {
  const { monitor } = useWatch();
  const visitors = useLive(() => {
    const only = new TeamWatchlist();
    only.update([entry]);
    return monitor.visitorsWhere(only.includes);
  });
  return (
    <li className="watched">
      <span className="line" translate="no">
        {entry}
      </span>
      <span className={visitors > 0 ? 'badge' : 'quiet'}>
        {visitors > 0 ? t('hereCount', { count: visitors }) : t('notHere')}
      </span>
    </li>
  );
}
