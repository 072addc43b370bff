import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { useQuery } from '../address/useQuery';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { readableDomain } from '../shared/domain';
import { t } from '../shared/messages/text';
import { matchesWords, searchTextOf, searchWords } from '../shared/search';
import { useLive } from '../store/useLive';
import { CompanyBars } from './CompanyBars';

const LIMIT = 50;

/** Chooses the one company whose visitors are shown, among those on the site. */
export function CompanyFilter() {
  const [query, change] = useQuery();
  const name = useLive(({ companies }) =>
    query.company === null
      ? null
      : (companies.find(query.company)?.company.name ?? readableDomain(query.company)),
  );
  return (
    <div className="company-filter">
      <Popover.Root>
        <Popover.Trigger className="button" aria-pressed={name !== null}>
          <span className="line" dir="auto" translate={name === null ? undefined : 'no'}>
            {name ?? t('allCompanies')}
          </span>
          <Icon name="down" />
        </Popover.Trigger>
        <PopoverPanel align="start">
          <Chooser />
        </PopoverPanel>
      </Popover.Root>
      {name !== null && (
        <button
          type="button"
          className="button icon-button"
          aria-label={t('showAllCompanies')}
          onClick={() => change({ company: null })}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}

function Chooser() {
  const ranking = useLive(({ companies }) => companies.ranking);
  const [search, setSearch] = useState('');
  const words = searchWords(search);
  const found = ranking.filter(({ company }) =>
    matchesWords(searchTextOf([company.name, company.domain]), words),
  );
  return (
    <div className="chooser">
      <input
        type="search"
        className="search"
        dir="auto"
        aria-label={t('searchCompanies')}
        placeholder={t('searchCompanies')}
        value={search}
        onChange={({ target }) => setSearch(target.value)}
      />
      {found.length === 0 && <p className="quiet">{t('noCompanyMatches')}</p>}
      <CompanyBars presences={found.slice(0, LIMIT)} most={ranking[0]?.visitors ?? 0} />
    </div>
  );
}
