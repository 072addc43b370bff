import { memo, useState } from 'react';
import type { Column } from '../address/query';
import type { Session } from '../feed/frame';
import type { CompanyLine, Line, VisitorLine } from '../listing/lines';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { useIsWatched } from '../watch/useWatch';
import { CompanyRow } from './CompanyRow';
import { VisitorRow } from './VisitorRow';

/** Milliseconds for which a new session is highlighted. */
const NEW_FOR = 5_000;

/** Where a row is, and what happens to it. */
export interface Placement {
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
export const VisitorTableRow = memo(function VisitorTableRow({
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

export const CompanyTableRow = memo(function CompanyTableRow({
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
