import { Icon } from '../components/Icon';
import type { Company } from '../feed/frame';
import { useIsOnOwnList, useIsOnTeamList, useWatch } from './useWatch';

/**
 * Adds a company to the reader's own watchlist, or removes it.
 *
 * @param inGrid leaves the button out of the tab order, because the details have the same one
 */
export function WatchButton({ company, inGrid = false }: { company: Company; inGrid?: boolean }) {
  const { own } = useWatch().watchlists;
  const watched = useIsOnOwnList(company);
  const onTeamList = useIsOnTeamList(company);
  const toggle = () => {
    if (watched) own.remove(company.domain);
    else own.add(company.domain);
  };
  const action = watched ? `Stop watching ${company.domain}` : `Watch ${company.domain}`;
  return (
    <button
      type="button"
      className="watch-button"
      aria-pressed={watched}
      aria-label={`Watch ${company.domain}`}
      data-team={onTeamList || undefined}
      title={onTeamList ? `${action} yourself. It is on the team’s watchlist.` : action}
      tabIndex={inGrid ? -1 : 0}
      onClick={toggle}
    >
      <Icon name="star" filled={watched} />
    </button>
  );
}
