import { useQuery } from '../address/useQuery';
import { CopyButton } from '../components/CopyButton';
import { Icon } from '../components/Icon';
import { addressOf, normalDomain, readableDomain } from '../shared/domain';
import { formatClock } from '../shared/format';
import { websiteUrl } from '../shared/links';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { WatchButton } from '../watch/WatchButton';

/** Above the table, while it shows one company: who that is, and what this page has seen of it. */
export function CompanyView() {
  const [{ company: wanted }, change] = useQuery();
  const present = useLive(({ companies }) => (wanted === null ? null : companies.find(wanted)));
  // Also of a company whose last visitor has left.
  const record = useLive(({ companyHistory }) =>
    wanted === null ? null : companyHistory.find(present ? addressOf(present.company) : wanted),
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
      <span className="facts-line">
        {[
          t('companyHere', { count: present?.visitors ?? 0 }),
          record !== null && t('companyHereSince', { time: formatClock(record.since) }),
          record !== null && record.left > 0 && t('companyLeft', { count: record.left }),
        ]
          .filter((fact) => fact !== false)
          .join(' · ')}
      </span>
      <CopyButton text={() => window.location.href} label={t('copyLink')} />
      <button type="button" className="button" onClick={() => change({ company: null })}>
        <Icon name="close" />
        <span>{t('showAllCompanies')}</span>
      </button>
    </section>
  );
}
