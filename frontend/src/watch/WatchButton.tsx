import { Icon } from '../components/Icon';
import type { Company } from '../feed/frame';
import { useIsWatched, useWatch } from './useWatch';

/**
 * Adds a company to the watchlist, or removes it.
 *
 * @param inGrid leaves the button out of the tab order, because the details have the same one
 */
export function WatchButton({ company, inGrid = false }: { company: Company; inGrid?: boolean }) {
  const { watchlist } = useWatch();
  const watched = useIsWatched(company);
  const toggle = () => {
    if (watched) watchlist.remove(company.domain);
    else watchlist.add(company.domain);
  };
  return (
    <button
      type="button"
      className="watch-button"
      aria-pressed={watched}
      aria-label={`Watch ${company.domain}`}
      title={watched ? `Stop watching ${company.domain}` : `Watch ${company.domain}`}
      tabIndex={inGrid ? -1 : 0}
      onClick={toggle}
    >
      <Icon name="star" filled={watched} />
    </button>
  );
}
