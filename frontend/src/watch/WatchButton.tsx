import { Icon } from '../components/Icon';
import type { Company } from '../feed/frame';
import { t } from '../shared/messages/text';
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
  const action = onTeamList
    ? t(watched ? 'stopWatchingYourself' : 'watchYourself', { domain: company.domain })
    : t(watched ? 'stopWatching' : 'watchCompany', { domain: company.domain });
  return (
    <button
      type="button"
      className="watch-button"
      aria-pressed={watched}
      aria-label={t('watchCompany', { domain: company.domain })}
      data-team={onTeamList || undefined}
      title={action}
      tabIndex={inGrid ? -1 : 0}
      onClick={toggle}
    >
      <Icon name="star" filled={watched} />
    </button>
  );
}
