import { type CSSProperties, memo, useCallback, useState } from 'react';
import type { Column } from '../address/query';
import { useQuery } from '../address/useQuery';
import { copyAndAnnounce } from '../components/CopyButton';
import type { Session } from '../feed/frame';
import { NO_COMPANY, type CompanyLine } from '../listing/lines';
import type { Line, VisitorLine } from '../listing/lines';
import { t } from '../shared/messages/text';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { useIsWatched } from '../watch/useWatch';
import { CompanyRow } from './CompanyRow';
import { EmptyTable } from './EmptyTable';
import { widthsOf } from './columns';
import { heightVariables } from './rowHeight';
import { NewPill } from './NewPill';
import { TableHead } from './TableHead';
import { useColumns } from './useColumns';
import { useHoldOrder } from './useHoldOrder';
import { usePrinting } from './usePrinting';
import { useRowNavigation } from './useRowNavigation';
import { useScrollToTop } from './useScrollToTop';
import { useVirtualRows } from './useVirtualRows';
import { VisitorRow } from './VisitorRow';
import './table.css';

/** Milliseconds for which a new session is highlighted. */
const NEW_FOR = 5_000;
/** Up to this many rows slide to their places; if there are more, they would flicker, so they move at once. */
const MAX_ANIMATED = 12;

/** The visitors on the site. Only the rows on the screen are in the document. */
export function VisitorTable() {
  const lines = useLive(({ listing }) => listing.lines);
  const stale = useLive(({ status }) => status.freshness === 'stale');
  const busy = useLive(({ listing }) => listing.lastChanges > MAX_ANIMATED);
  const [query, change] = useQuery();
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [frame, setFrame] = useState<HTMLElement | null>(null);
  const shape = useRowShape();
  const columns = useColumns();
  useHoldOrder(frame);

  const act = useCallback(
    (line: Line, unfold?: boolean) => {
      if (line.kind === 'company') {
        const wanted = unfold ?? !line.unfolded;
        if (wanted !== line.unfolded) change({ unfolded: toggled(query.unfolded, keyOf(line)) });
      } else if (unfold === undefined) {
        change({ visitor: line.key });
      }
    },
    [change, query.unfolded],
  );
  const [focused, setCurrent] = useState<string | null>(null);
  const rows = useVirtualRows(lines, scroller, { pinned: focused, all: usePrinting() });
  useScrollToTop(query, lines, scroller);
  const { current, onKeyDown } = useRowNavigation({
    lines,
    rows,
    scroller,
    current: focused,
    setCurrent,
    act,
    onOtherKey: copyByKey,
  });

  return (
    <div className="table-frame" ref={setFrame}>
      <NewPill />
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
            {rows.visible.map((item) => {
              const line = lines[item.index];
              if (!line) return null;
              const placement: Placement = {
                index: item.index,
                start: item.start,
                height: item.size,
                reachable: line.key === current,
                onFocus: setCurrent,
                onAct: act,
                columns,
              };
              return line.kind === 'company' ? (
                <CompanyTableRow key={line.key} line={line} {...placement} />
              ) : (
                <VisitorTableRow
                  key={line.key}
                  line={line}
                  selected={query.visitor === line.key}
                  level={query.grouped ? 2 : undefined}
                  {...placement}
                />
              );
            })}
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

interface Placement {
  index: number;
  /** In pixels from the top of the rows. */
  start: number;
  height: number;
  /** Whether the row is in the tab order. */
  reachable: boolean;
  onFocus: (key: string) => void;
  onAct: (line: Line) => void;
  columns: readonly Column[];
}

/**
 * A visitor's row. It subscribes to its session, so an activity renders one row and not the table. While the table
 * scrolls, only rows that come into view render.
 */
const VisitorTableRow = memo(function VisitorTableRow({
  line,
  selected,
  level,
  ...placement
}: Placement & { line: VisitorLine; selected: boolean; level: number | undefined }) {
  const session = useLive(() => line.visitor.session);
  const left = useLive(() => line.left?.reason ?? null);
  const isNew = useLive(({ status: { now } }) =>
    now !== null && now - line.visitor.session.openedAt < NEW_FOR ? 'new' : null,
  );
  const watched = useIsWatched(session.company);
  const asCard = useRowShape() === 'card';
  // A row that returns after a filter continues its animation instead of starting again.
  const [shownFor] = useState(() => performance.now() - line.cameAt);
  const props = rowProps(line, placement);
  return (
    <div
      {...props}
      style={{ ...props.style, animationDelay: `${-Math.round(shownFor)}ms` }}
      aria-selected={selected}
      aria-level={level}
      className="row visitor"
      data-new={isNew}
      data-left={left}
      data-watched={watched || undefined}
      data-reach={reachOf(session)}
    >
      <VisitorRow session={session} columns={placement.columns} asCard={asCard} left={left} />
    </div>
  );
});

const CompanyTableRow = memo(function CompanyTableRow({
  line,
  ...placement
}: Placement & { line: CompanyLine }) {
  const watched = useIsWatched(line.company);
  return (
    <div
      {...rowProps(line, placement)}
      aria-expanded={line.unfolded}
      aria-level={1}
      className="row group"
      data-watched={watched || undefined}
    >
      <CompanyRow line={line} columns={placement.columns} />
    </div>
  );
});

function rowProps(line: Line, { index, start, height, reachable, onFocus, onAct }: Placement) {
  return {
    role: 'row',
    'aria-rowindex': index + 2,
    tabIndex: reachable ? 0 : -1,
    style: { transform: `translateY(${start}px)`, height },
    onFocus: () => onFocus(line.key),
    onClick: ({ target }: { target: EventTarget }) => {
      // Clicks on links and buttons, and text selection, do not open the details.
      const onSomething = (target as Element).closest('a, button') !== null;
      if (!onSomething && window.getSelection()?.isCollapsed !== false) onAct(line);
    },
  };
}

/** The contact details that a card shows. */
function reachOf({ contact }: Session): string {
  const email = (contact?.emailAddresses.length ?? 0) > 0;
  const phone = (contact?.phoneNumbers.length ?? 0) > 0;
  return email ? (phone ? 'both' : 'email') : phone ? 'phone' : 'none';
}

function keyOf({ company }: CompanyLine): string {
  return company?.guid ?? NO_COMPANY;
}

function toggled(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const other = new Set(set);
  if (!other.delete(item)) other.add(item);
  return other;
}
