import { useLive } from '../store/useLive';
import { CompanyBars } from './CompanyBars';
import './companies.css';

/** As many as are looked at; whoever wants another one searches for it. */
const TOP = 25;

/** The companies with the most visitors. */
export function TopCompanies() {
  const ranking = useLive(({ companies }) => companies.ranking);
  return (
    <aside className="top-companies" aria-labelledby="top-companies">
      <h2 id="top-companies">Top companies</h2>
      {ranking.length === 0 ? (
        <p className="quiet">No company is here yet.</p>
      ) : (
        <CompanyBars presences={ranking.slice(0, TOP)} most={ranking[0]?.visitors ?? 0} />
      )}
    </aside>
  );
}
