import { useMemo } from 'react';
import { useQuery } from '../address/useQuery';
import { CopyButton } from '../components/CopyButton';
import { Icon } from '../components/Icon';
import { addressOf, normalDomain, readableDomain } from '../shared/domain';
import { formatClock, formatCount } from '../shared/format';
import { websiteUrl } from '../shared/links';
import { t } from '../shared/messages/text';
import { pathOf } from '../shared/pageAddress';
import type { Live } from '../store/live';
import { useLive, useLiveStore } from '../store/useLive';
import { WatchButton } from '../watch/WatchButton';

/** How many pages are listed by name. */
const MAX_PAGES = 5;

/** Above the table, while it shows one company: who that is, and what this page has seen of it. */
export function CompanyView() {
  const [{ company: wanted }, change] = useQuery();
  const present = useLive(({ companies }) => (wanted === null ? null : companies.find(wanted)));
  // This includes a company whose last visitor has left.
  const record = useLive(({ companyHistory }) =>
    wanted === null ? null : companyHistory.find(present ? addressOf(present.company) : wanted),
  );
  const lines = useLive(({ listing }) => listing.lines);
  const live = useLiveStore();
  // The lines are replaced with each layout, and the listing then has other visitors.
  const pages = useMemo(
    () => (wanted === null || lines.length === 0 ? '' : pagesOf(live)),
    [wanted, lines, live],
  );
  if (wanted === null) return null;
  const company = present?.company ?? record?.company;
  const domain = normalDomain(company?.domain ?? wanted);
  const website = websiteUrl(domain);
  return (
    <section className="company-view" aria-labelledby="company-view">
      <h2 id="company-view" className="line" dir="auto" translate="no">
        {company?.name ?? readableDomain(domain)}
      </h2>
      {website !== null && (
        <a href={website} target="_blank" rel="noopener noreferrer" translate="no">
          {readableDomain(domain)}
        </a>
      )}
      <WatchButton company={company ?? { guid: wanted, name: '', domain }} />
      <CopyButton text={() => window.location.href} label={t('copyLink')} />
      <button type="button" className="button" onClick={() => change({ company: null })}>
        <Icon name="close" />
        <span>{t('showAllCompanies')}</span>
      </button>
      <p className="facts-line">
        {[
          t('companyHere', { count: present?.visitors ?? 0 }),
          record !== null && t('companyHereSince', { time: formatClock(record.since) }),
          record !== null && record.left > 0 && t('companyLeft', { count: record.left }),
          pages !== '' && t('companyPages', { pages }),
        ]
          .filter((fact) => fact !== false)
          .join(' · ')}
      </p>
    </section>
  );
}

/** The pages that the listed visitors see, those with the most visitors first. */
function pagesOf({ listing }: Live): string {
  const counts = new Map<string, number>();
  for (const { session } of listing.visitors()) {
    if (session.page === undefined) continue;
    const path = pathOf(session.page.url);
    counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_PAGES)
    .map(([path, count]) => (count === 1 ? path : `${path} (${formatCount(count)})`))
    .join(', ');
}
