import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { useQuery } from '../address/useQuery';
import { Icon } from '../components/Icon';
import { fold } from '../shared/fold';
import { useLive } from '../store/useLive';
import { CompanyBars } from './CompanyBars';

const LIMIT = 50;

/** Chooses the one company whose visitors are shown, among those on the site. */
export function CompanyFilter() {
  const [query, change] = useQuery();
  const name = useLive(({ companies }) =>
    query.company === null
      ? null
      : (companies.find(query.company)?.company.name ?? 'Company not on the website'),
  );
  return (
    <div className="company-filter">
      <Popover.Root>
        <Popover.Trigger className="button" aria-pressed={name !== null}>
          <span className="line">{name ?? 'All companies'}</span>
          <Icon name="down" />
        </Popover.Trigger>
        <Popover.Content className="popover" align="start" sideOffset={6} collisionPadding={12}>
          <Chooser />
        </Popover.Content>
      </Popover.Root>
      {name !== null && (
        <button
          type="button"
          className="button icon-button"
          aria-label="Show all companies"
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
  const wanted = fold(search.trim());
  const found = ranking.filter(({ company }) => fold(`${company.name}\n${company.domain}`).includes(wanted));
  return (
    <div className="chooser">
      <input
        type="search"
        className="search"
        aria-label="Search companies"
        placeholder="Search companies"
        value={search}
        onChange={({ target }) => setSearch(target.value)}
      />
      {found.length === 0 && <p className="quiet">No company on the website matches.</p>}
      <CompanyBars presences={found.slice(0, LIMIT)} most={ranking[0]?.visitors ?? 0} />
    </div>
  );
}
