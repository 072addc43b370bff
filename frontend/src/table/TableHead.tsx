import { type Column, sortOf } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useSort } from '../address/useSort';
import { Icon } from '../components/Icon';
import { t } from '../shared/messages/text';
import { useRowShape } from '../shared/useRowShape';
import { classOf, HEADINGS } from './columns';
import { useColumns } from './useColumns';

/**
 * The column headings; a click sorts by the column, a second one reverses the order. Above cards, they are there for
 * screen readers alone, and the toolbar sorts.
 */
export function TableHead() {
  const [query] = useQuery();
  const columns = useColumns();
  const asCards = useRowShape() === 'card';
  const { by, descending } = sortOf(query);
  return (
    <div role="rowgroup" className="visitors-head">
      <div role="row" aria-rowindex={1} className="row">
        {columns.map((column) => (
          <div
            key={column}
            role="columnheader"
            className={classOf(column)}
            aria-sort={by !== column ? 'none' : descending ? 'descending' : 'ascending'}
          >
            {asCards ? t(HEADINGS[column]) : <Heading column={column} />}
          </div>
        ))}
      </div>
    </div>
  );
}

function Heading({ column }: { column: Column }) {
  const [, sort] = useSort();
  return (
    <button type="button" className="heading" onClick={() => sort(column)}>
      <span>{t(HEADINGS[column])}</span>
      <Icon name="down" />
    </button>
  );
}
