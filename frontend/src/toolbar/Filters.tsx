import { type AgeFilter, AGES, type KnownFilter, KNOWN } from '../address/query';
import { useQuery } from '../address/useQuery';
import { CompanyFilter } from '../companies/CompanyFilter';
import { Icon } from '../components/Icon';
import { t } from '../shared/messages/text';
import { countryName } from '../shared/origin';
import { useLive } from '../store/useLive';
import { AGE_LABELS, KNOWN_LABELS } from '../table/columns';
import { Choice, Toggle } from './controls';

/** The filters that are used most. */
export function QuickFilters() {
  const [query, change] = useQuery();
  return (
    <>
      <CompanyFilter />
      <Toggle pressed={query.reachable} onToggle={(reachable) => change({ reachable })}>
        <span>{t('filterReachable')}</span>
      </Toggle>
      <Toggle pressed={query.watched} onToggle={(watched) => change({ watched })}>
        <Icon name="star" filled={query.watched} />
        <span>{t('filterWatched')}</span>
      </Toggle>
      <Toggle pressed={query.grouped} onToggle={(grouped) => change({ grouped, unfolded: new Set() })}>
        <span>{t('groupByCompany')}</span>
      </Toggle>
    </>
  );
}

/** The other filters. */
export function MoreFilters() {
  const [query, change] = useQuery();
  return (
    <>
      <Choice
        label={t('filterKnown')}
        value={query.known}
        choices={KNOWN.map((known) => [known, t(KNOWN_LABELS[known])])}
        onChoose={(known: KnownFilter) => change({ known })}
      />
      <Choice
        label={t('filterAge')}
        value={query.age}
        choices={AGES.map((age) => [age, t(AGE_LABELS[age])])}
        onChoose={(age: AgeFilter) => change({ age })}
      />
      <PlaceFilters />
    </>
  );
}

/** Country and network, if any is known. */
function PlaceFilters() {
  const [{ country, network }, change] = useQuery();
  const countries = useLive(({ places }) => places.countries);
  const networks = useLive(({ places }) => places.networks);
  return (
    <>
      {(countries.length > 0 || country !== null) && (
        <Choice
          label={t('filterCountry')}
          value={country ?? ''}
          choices={[['', t('countryAny')], ...withChosen(countries, country, countryName)]}
          onChoose={(code) => change({ country: code === '' ? null : code })}
        />
      )}
      {(networks.length > 0 || network !== null) && (
        <Choice
          label={t('filterNetwork')}
          value={network ?? ''}
          choices={[['', t('networkAny')], ...withChosen(networks, network, (name) => name)]}
          onChoose={(name) => change({ network: name === '' ? null : name })}
        />
      )}
    </>
  );
}

/** The choices, including the chosen one even if none of its visitors is on the site any more. */
function withChosen(
  present: readonly string[],
  chosen: string | null,
  nameOf: (value: string) => string,
): (readonly [string, string])[] {
  const values = chosen === null || present.includes(chosen) ? present : [chosen, ...present];
  return values.map((value) => [value, nameOf(value)] as const);
}
