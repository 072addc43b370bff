import { useQuery } from '../address/useQuery';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { CompanyBars } from './CompanyBars';
import './companies.css';

/** How many companies are listed; the company filter finds the others. */
const TOP = 25;

export function TopCompanies() {
  const ranking = useLive(({ companies }) => companies.ranking);
  // The details cover the companies, which must then be out of the tab order.
  const covered = useQuery()[0].visitor !== null;
  return (
    <aside className="top-companies" aria-labelledby="top-companies" inert={covered}>
      <h2 id="top-companies">{t('topCompanies')}</h2>
      {ranking.length === 0 ? (
        <p className="quiet">{t('noCompanies')}</p>
      ) : (
        <CompanyBars presences={ranking.slice(0, TOP)} most={ranking[0]?.visitors ?? 0} />
      )}
    </aside>
  );
}
