import { useLive } from '../store/useLive';
import { CompanyBars } from './CompanyBars';
import './companies.css';

/** The company filter finds the others. */
const TOP = 25;

export function TopCompanies() {
  const ranking = useLive(({ companies }) => companies.ranking);
  return (
    <aside className="top-companies" aria-labelledby="top-companies">
      <h2 id="top-companies">Top companies</h2>
      {ranking.length === 0 ? (
        <p className="quiet">No companies on the website yet.</p>
      ) : (
        <CompanyBars presences={ranking.slice(0, TOP)} most={ranking[0]?.visitors ?? 0} />
      )}
    </aside>
  );
}
