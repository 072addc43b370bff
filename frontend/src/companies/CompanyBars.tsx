import { useQuery } from '../address/useQuery';
import { addressOf, normalDomain } from '../shared/domain';
import { formatCount } from '../shared/format';
import type { CompanyCount } from '../store/companies';
import { useIsWatched } from '../watch/useWatch';

/**
 * Companies with a bar each, in proportion to their visitors. A click shows only a company's visitors, a second click all.
 */
export function CompanyBars({ presences, most }: { presences: readonly CompanyCount[]; most: number }) {
  return (
    <ol className="bars">
      {presences.map((presence) => (
        <Bar key={presence.company.guid} presence={presence} most={most} />
      ))}
    </ol>
  );
}

function Bar({ presence: { company, visitors }, most }: { presence: CompanyCount; most: number }) {
  const [query, change] = useQuery();
  const chosen = query.company === company.guid || query.company === normalDomain(company.domain);
  const watched = useIsWatched(company);
  return (
    <li>
      <button
        type="button"
        className="bar"
        aria-pressed={chosen}
        data-watched={watched || undefined}
        onClick={() => change({ company: chosen ? null : addressOf(company) })}
      >
        <span className="bar-name" dir="auto" translate="no" title={company.domain}>
          {company.name}
        </span>
        <span className="bar-count">{formatCount(visitors)}</span>
        <span className="bar-length" style={{ width: `${(100 * visitors) / Math.max(1, most)}%` }} />
      </button>
    </li>
  );
}
