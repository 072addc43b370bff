import { Age } from '../components/Age';
import { Icon } from '../components/Icon';
import type { CompanyLine } from '../listing/lines';
import { formatCount } from '../shared/format';
import { WatchButton } from '../watch/WatchButton';

/** The cells of a company's row, above its visitors. */
export function CompanyRow({ line }: { line: CompanyLine }) {
  const { company, visitors, openedAt, unfolded } = line;
  return (
    <>
      <div role="gridcell" className="cell company-head">
        <Icon name={unfolded ? 'down' : 'right'} />
        <span className="strong">{company?.name ?? 'Company unknown'}</span>
        {company && <span className="quiet">{company.domain}</span>}
        {company && <WatchButton company={company} inGrid />}
      </div>
      <div role="gridcell" className="cell visitors-count">
        <strong>{formatCount(visitors)}</strong> {visitors === 1 ? 'visitor' : 'visitors'}
      </div>
      <div role="gridcell" className="cell opened">
        <Age since={openedAt} />
      </div>
    </>
  );
}
