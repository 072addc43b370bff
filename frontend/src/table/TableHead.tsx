import { type Column, shownColumns, sortOf } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useSort } from '../address/useSort';
import { Icon } from '../components/Icon';
import { useLive } from '../store/useLive';
import { HEADINGS } from './columns';

/** Where the class of a column's cells is not its name. */
const CLASSES: Partial<Record<Column, string>> = { page: 'seen' };

/** The column headings; a click sorts by the column, a second one reverses the order. */
export function TableHead() {
  const [query] = useQuery();
  const { by, descending } = sortOf(query);
  const hasPages = useLive(({ view }) => view.hasPages);
  return (
    <div role="rowgroup" className="visitors-head">
      <div role="row" aria-rowindex={1} className="row">
        {shownColumns(hasPages).map((column) => (
          <div
            key={column}
            role="columnheader"
            className={`cell ${CLASSES[column] ?? column}`}
            aria-sort={by !== column ? 'none' : descending ? 'descending' : 'ascending'}
          >
            <Heading column={column} />
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
      {HEADINGS[column]}
      <Icon name="down" />
    </button>
  );
}
