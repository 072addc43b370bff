import { memo, useCallback, useState } from 'react';
import { useLive } from '../store/useLive';
import { useIsWatched } from '../watch/useWatch';
import { useRowShape } from '../shared/useRowShape';
import { CompanyRow } from './CompanyRow';
import { NO_COMPANY, type CompanyLine } from '../listing/lines';
import type { Line, VisitorLine } from '../listing/lines';
import { NoRows } from './NoRows';
import { TableHead } from './TableHead';
import { useQuery } from '../address/useQuery';
import { heightVariables } from './rowHeight';
import { useReading } from './useReading';
import { useRowKeys } from './useRowKeys';
import { useRows } from './useRows';
import { VisitorRow } from './VisitorRow';
import './table.css';

/** Milliseconds for which a new session stands out. */
const NEW_FOR = 5_000;
/** So many rows are the most that are moved before the eye in one go; more is a flicker, and appears at once. */
const CALM = 12;

/**
 * The active visitors. Only the rows on the screen exist in the document, however many there are.
 */
export function VisitorTable() {
  const lines = useLive(({ listing }) => listing.lines);
  const stale = useLive(({ status }) => status.freshness === 'stale');
  const lively = useLive(({ listing }) => listing.lastMoved > CALM);
  const [query, change] = useQuery();
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [body, setBody] = useState<HTMLElement | null>(null);
  const shape = useRowShape();
  useReading(body);

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
  const rows = useRows(lines, scroller);
  const { current, onKeyDown, setCurrent } = useRowKeys(lines, rows, scroller, act);

  return (
    <div
      className="visitors"
      data-stale={stale || undefined}
      style={heightVariables(shape)}
      data-moving={!lively && !rows.scrolled ? 'calm' : 'at once'}
      ref={setScroller}
    >
      <div
        role={query.grouped ? 'treegrid' : 'grid'}
        aria-label="Active visitors"
        aria-rowcount={lines.length + 1}
        aria-readonly="true"
      >
        <TableHead />
        <div
          role="rowgroup"
          className="visitors-body"
          ref={setBody}
          style={{ height: rows.totalHeight }}
          onKeyDown={onKeyDown}
        >
          {rows.visible.map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            const place: Place = {
              index: item.index,
              start: item.start,
              height: item.size,
              reachable: line.key === current,
              onFocus: setCurrent,
              onAct: act,
            };
            return line.kind === 'company' ? (
              <PlacedCompany key={line.key} line={line} {...place} />
            ) : (
              <PlacedVisitor
                key={line.key}
                line={line}
                selected={query.visitor === line.key}
                level={query.grouped ? 2 : undefined}
                {...place}
              />
            );
          })}
        </div>
      </div>
      {lines.length === 0 && <NoRows />}
    </div>
  );
}

interface Place {
  index: number;
  /** In pixels, from the top of the rows. */
  start: number;
  height: number;
  /** Whether Tab leads here. */
  reachable: boolean;
  onFocus: (key: string) => void;
  onAct: (line: Line) => void;
}

/**
 * A row at its place; it follows its session by itself, so that a touched session renders one row and no table. While
 * the table scrolls, only the rows that come into sight are rendered.
 */
const PlacedVisitor = memo(function PlacedVisitor({
  line,
  selected,
  level,
  ...place
}: Place & { line: VisitorLine; selected: boolean; level: number | undefined }) {
  const session = useLive(() => line.row.session);
  const left = useLive(() => line.left?.why ?? null);
  const isNew = useLive(({ status: { now } }) =>
    now !== null && now - line.row.session.openedAt < NEW_FOR ? 'new' : null,
  );
  const watched = useIsWatched(session.company);
  return (
    <div
      {...rowProps(line, place)}
      aria-selected={selected}
      aria-level={level}
      className="row visitor"
      data-new={isNew}
      data-left={left}
      data-watched={watched || undefined}
    >
      <VisitorRow session={session} left={left} />
    </div>
  );
});

const PlacedCompany = memo(function PlacedCompany({ line, ...place }: Place & { line: CompanyLine }) {
  const watched = useIsWatched(line.company);
  return (
    <div
      {...rowProps(line, place)}
      aria-expanded={line.unfolded}
      aria-level={1}
      className="row group"
      data-watched={watched || undefined}
    >
      <CompanyRow line={line} />
    </div>
  );
});

function rowProps(line: Line, { index, start, height, reachable, onFocus, onAct }: Place) {
  return {
    role: 'row',
    'aria-rowindex': index + 2,
    tabIndex: reachable ? 0 : -1,
    style: { transform: `translateY(${start}px)`, height },
    onFocus: () => onFocus(line.key),
    onClick: ({ target }: { target: EventTarget }) => {
      // A link does what it says; and who marks text does not want details.
      const onSomething = (target as Element).closest('a, button') !== null;
      if (!onSomething && window.getSelection()?.isCollapsed !== false) onAct(line);
    },
  };
}

function keyOf({ company }: CompanyLine): string {
  return company?.guid ?? NO_COMPANY;
}

function toggled(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  const other = new Set(set);
  if (!other.delete(item)) other.add(item);
  return other;
}
