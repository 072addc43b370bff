import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useState } from 'react';
import { formatCount } from './format';
import { rowHeight } from './rowHeight';
import { useRowShape } from './useRowShape';
import { useMoment, useView } from './useLive';
import type { Row } from './view';
import { VisitorRow } from './VisitorRow';
import './styles/visitors.css';

const HEADINGS = [
  ['company', 'Company'],
  ['contact', 'Contact'],
  ['emails', 'Email'],
  ['phones', 'Phone'],
  ['ip', 'IP address'],
  ['opened', 'On site'],
  ['active', 'Last active'],
] as const;

/** Rows rendered beyond the edges of the screen, so that scrolling does not show blanks. */
const OVERSCAN = 6;
/** Milliseconds for which a new session stands out. */
const NEW_FOR = 5_000;

/**
 * The active visitors, newest first. Only the rows on the screen exist in the document, however many there
 * are.
 */
export function VisitorTable() {
  const rows = useView((view) => view.rows());
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const { visible, totalHeight } = useVisibleRows(rows, scroller);

  return (
    <section className="visitors" aria-label="Active visitors" tabIndex={0} ref={setScroller}>
      <div role="table" aria-label="Active visitors" aria-rowcount={rows.length + 1}>
        <div role="rowgroup" className="visitors-head">
          <div role="row" aria-rowindex={1} className="row">
            {HEADINGS.map(([name, heading]) => (
              <div key={name} role="columnheader" className={`cell ${name}`}>
                {heading}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="visitors-body" style={{ height: totalHeight }}>
          {visible.map((item) => {
            const row = rows[item.index];
            return row && <PlacedRow key={row.guid} row={row} item={item} />;
          })}
        </div>
      </div>
      {rows.length === 0 && <NoRows />}
    </section>
  );
}

/** Where the rows on the screen are, in pixels, and how high all rows together are. */
function useVisibleRows(rows: readonly Row[], scroller: HTMLElement | null) {
  const shape = useRowShape();
  const [rem] = useState(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  const [scrolled, setScrolled] = useState(false);
  // eslint-disable-next-line react-hooks/incompatible-library -- a matter of the React compiler, not in use
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    // Another function for other rows is how the virtualizer learns that it has to lay out anew.
    getItemKey: useCallback((index: number) => rows[index]?.guid ?? index, [rows]),
    estimateSize: (index) => {
      const row = rows[index];
      return row ? rowHeight(row.session, shape) * rem : 0;
    },
    overscan: OVERSCAN,
    // At the top one sees the newest arrive; further down what one reads stays where it is.
    anchorTo: scrolled ? 'end' : 'start',
    onChange: ({ scrollOffset }) => setScrolled((scrollOffset ?? 0) > 0),
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, shape]);
  return { visible: virtualizer.getVirtualItems(), totalHeight: virtualizer.getTotalSize() };
}

/**
 * A row at its place; it follows its session by itself, so that a touched session renders one row and no
 * table.
 */
function PlacedRow({ row, item }: { row: Row; item: VirtualItem }) {
  const session = useView(() => row.session);
  const isNew = useMoment(({ now }) => (now !== null && now - row.openedAt < NEW_FOR ? 'new' : null));
  return (
    <div
      role="row"
      aria-rowindex={item.index + 2}
      className="row"
      data-new={isNew}
      style={{ transform: `translateY(${item.start}px)`, height: item.size }}
    >
      <VisitorRow session={session} />
    </div>
  );
}

function NoRows() {
  const freshness = useMoment((moment) => moment.freshness);
  const identified = useView(({ stats }) => stats?.beingIdentified ?? 0);
  if (freshness === 'connecting') return <p className="no-rows">Waiting for the gateway…</p>;
  if (identified === 0) return <p className="no-rows">Nobody is on the website right now.</p>;
  return (
    <p className="no-rows">{formatCount(identified)} being identified; they appear here as they are known.</p>
  );
}
