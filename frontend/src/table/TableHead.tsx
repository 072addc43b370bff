import { Icon } from '../components/Icon';
import { HEADINGS } from './columns';
import { type Column, COLUMNS, sortOf, type SortKey } from '../address/query';
import { useQuery } from '../address/useQuery';

/** The head of the table: a column is sorted by its heading, and the other way round by pressing it again. */
export function TableHead() {
  const [query] = useQuery();
  const { by, descending } = sortOf(query);
  return (
    <div role="rowgroup" className="visitors-head">
      <div role="row" aria-rowindex={1} className="row">
        {COLUMNS.map((column) => (
          <div
            key={column}
            role="columnheader"
            className={`cell ${column}`}
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

/** What the table is sorted by, and how to sort it by something: by the same again, it is turned round. */
export function useSort(): [by: SortKey, sort: (by: SortKey) => void] {
  const [query, change] = useQuery();
  const { by: now, descending } = sortOf(query);
  const sort = (by: SortKey) =>
    change({ sort: { by, descending: by === now ? !descending : by === 'visitors' } });
  return [now, sort];
}
