import type { Column } from '../address/query';
import { Age } from '../components/Age';
import { Icon } from '../components/Icon';
import type { CompanyLine } from '../listing/lines';
import { t } from '../shared/messages/text';
import { WatchButton } from '../watch/WatchButton';
import { classOf } from './columns';

/** The cells of a company's row, above its visitors. */
export function CompanyRow({ line, columns }: { line: CompanyLine; columns: readonly Column[] }) {
  return columns.map((column) => (
    <div key={column} role="gridcell" className={classOf(column)}>
      <Content column={column} line={line} />
    </div>
  ));
}

function Content({ column, line }: { column: Column; line: CompanyLine }) {
  const { company, visitors, reachable, openedAt, unfolded } = line;
  switch (column) {
    case 'company':
      return (
        <>
          <span className="line strong company-head" translate={company ? 'no' : undefined}>
            <Icon name={unfolded ? 'down' : 'right'} />
            <span dir="auto">{company?.name ?? t('companyUnknown')}</span>
          </span>
          {company && (
            <span className="line quiet company-domain" translate="no">
              {company.domain}
            </span>
          )}
          {company && <WatchButton company={company} inGrid />}
        </>
      );
    case 'contact':
      return <span className="line">{t('visitorCount', { count: visitors })}</span>;
    case 'email':
      return reachable > 0 && <span className="line quiet">{t('reachableCount', { count: reachable })}</span>;
    case 'opened':
      return <Age since={openedAt} />;
    case 'page':
    case 'phone':
    case 'place':
    case 'ip':
    case 'active':
      return null;
  }
}
