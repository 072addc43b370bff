import { type CSSProperties, useCallback, useState } from 'react';
import { useQuery } from '../address/useQuery';
import { copyAndAnnounce } from '../components/CopyButton';
import { NO_COMPANY, type CompanyLine } from '../listing/lines';
import type { Line } from '../listing/lines';
import { t } from '../shared/messages/text';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { EmptyTable } from './EmptyTable';
import { widthsOf } from './columns';
import { heightVariables } from './rowHeight';
import { TableHead } from './TableHead';
import { CompanyTableRow, type Placement, VisitorTableRow } from './TableRows';
import { useColumns } from './useColumns';
import { useHoldOrder } from './useHoldOrder';
import { usePrinting } from './usePrinting';
import { useRowNavigation } from './useRowNavigation';
import { useScrollToTop } from './useScrollToTop';
import { useVirtualRows, type VirtualRows } from './useVirtualRows';
import './table.css';

/** Up to this many rows slide to their places; if there are more, they would flicker, so they move at once. */
const MAX_ANIMATED = 12;

/** The visitors on the site. Only the rows on the screen are in the document. */
export function VisitorTable() {
  const lines = useLive(({ listing }) => listing.lines);
  const stale = useLive(({ status }) => status.freshness === 'stale');
  const busy = useLive(({ listing }) => listing.lastChanges > MAX_ANIMATED);
  const [query] = useQuery();
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [frame, setFrame] = useState<HTMLElement | null>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const shape = useRowShape();
  const columns = useColumns();
  const act = useActivation();
  const rows = useVirtualRows(lines, scroller, { pinned: focused, all: usePrinting() });
  useHoldOrder(frame);
  useScrollToTop(query, lines, scroller);
  const { current, onKeyDown } = useRowNavigation({
    lines,
    rows,
    scroller,
    current: focused,
    setCurrent: setFocused,
    act,
    onOtherKey: copyByKey,
  });

  return (
    <div className="table-frame" ref={setFrame}>
      <div
        className="visitors"
        data-stale={stale || undefined}
        style={{ ...heightVariables(shape), '--columns': widthsOf(columns, query.grouped) } as CSSProperties}
        data-moving={!busy && !rows.scrolled ? 'calm' : 'at once'}
        ref={setScroller}
      >
        <div
          role={query.grouped ? 'treegrid' : 'grid'}
          aria-label={t('activeVisitors')}
          aria-rowcount={lines.length + 1}
          aria-readonly="true"
        >
          <TableHead />
          <div
            role="rowgroup"
            className="visitors-body"
            style={{ height: rows.totalHeight }}
            onKeyDown={onKeyDown}
          >
            <Rows {...{ lines, rows, columns, current }} onFocus={setFocused} onAct={act} />
          </div>
        </div>
        {lines.length === 0 && <EmptyTable />}
        {lines.length > rows.listed && (
          <p className="waiting-text">{t('listCapped', { count: rows.listed })}</p>
        )}
      </div>
    </div>
  );
}

interface RowsProps extends Pick<Placement, 'columns' | 'onFocus' | 'onAct'> {
  lines: readonly Line[];
  rows: VirtualRows;
  /** Key of the line in the tab order. */
  current: string | null;
}

/** The rows on the screen. */
function Rows({ lines, rows, current, ...shared }: RowsProps) {
  const [{ visitor, grouped }] = useQuery();
  return rows.visible.map(({ index, start, size: height }) => {
    const line = lines[index];
    if (!line) return null;
    const placement = { ...shared, index, start, height, reachable: line.key === current };
    if (line.kind === 'company') return <CompanyTableRow key={line.key} line={line} {...placement} />;
    return (
      <VisitorTableRow
        key={line.key}
        line={line}
        selected={visitor === line.key}
        level={grouped ? 2 : undefined}
        {...placement}
      />
    );
  });
}

/** What activating a line does: it shows a visitor's details, or expands or collapses a company. */
function useActivation(): (line: Line, unfold?: boolean) => void {
  const [{ unfolded }, change] = useQuery();
  return useCallback(
    (line, unfold) => {
      if (line.kind === 'company') {
        const wanted = unfold ?? !line.unfolded;
        if (wanted !== line.unfolded) change({ unfolded: toggled(unfolded, keyOf(line)) });
      } else if (unfold === undefined) {
        change({ visitor: line.key });
      }
    },
    [change, unfolded],
  );
}

/** Copies the email address or the phone number of the visitor in focus. */
function copyByKey(line: Line, key: string): boolean {
  if (line.kind !== 'visitor') return false;
  const { contact } = line.visitor.session;
  const texts: Record<string, string | undefined> = {
    c: contact?.emailAddresses[0],
    p: contact?.phoneNumbers[0],
  };
  const text = texts[key.toLowerCase()];
  if (text === undefined) return false;
  void copyAndAnnounce(text);
  return true;
}

function keyOf({ company }: CompanyLine): string {
  return company?.guid ?? NO_COMPANY;
}

function toggled(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const other = new Set(set);
  if (!other.delete(item)) other.add(item);
  return other;
}
