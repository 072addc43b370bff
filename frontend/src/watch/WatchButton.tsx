import type { Company } from '../feed/frame';
import { Icon } from '../components/Icon';
import { useIsWatched, useWatch } from './useWatch';

/**
 * Puts a company on the watchlist, or takes it off.
 *
 * @param inGrid where the keyboard moves by rows, and reaches the button in the details
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
