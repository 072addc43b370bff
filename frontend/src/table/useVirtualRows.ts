import { defaultRangeExtractor, useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useState } from 'react';
import type { Line } from '../listing/lines';
import { useRem } from '../shared/useRem';
import { useRowShape } from '../shared/useRowShape';
import { headingsHeight, maxRows, rowHeight } from './rowHeight';

/** Rows rendered beyond the edges of the screen, so that scrolling shows no blanks. */
const OVERSCAN = 6;

export interface VirtualRows {
  visible: VirtualItem[];
  /** How many lines are listed: all, unless there are too many for a browser. */
  listed: number;
  /** Of all rows together, in pixels. */
  totalHeight: number;
  /** Whether the table is scrolled away from the top. */
  scrolled: boolean;
  /** About how many rows fit on the screen. */
  perScreen: number;
  scrollToRow: (index: number) => void;
}

/** More rows fill no printout that anybody reads, and take long to render. */
const MAX_PRINTED = 5_000;

/** Which rows are in the document, besides those on the screen. */
interface Extent {
  /** Key of a line that stays when it is scrolled away, because it has the focus. */
  pinned: string | null;
  /** Whether all rows are, for printing. */
  all: boolean;
}

/** Which lines are in the document, and where. */
export function useVirtualRows(
  lines: readonly Line[],
  scroller: HTMLElement | null,
  { pinned, all }: Extent,
): VirtualRows {
  const shape = useRowShape();
  const rem = useRem();
  const [scrolled, setScrolled] = useState(false);
  const listed = Math.min(lines.length, maxRows(rowHeight('visitor', shape) * rem));
  // eslint-disable-next-line react-hooks/incompatible-library -- a matter of the React compiler, not in use
  const virtualizer = useVirtualizer({
    count: listed,
    getScrollElement: () => scroller,
    // A new function for new lines tells the virtualizer to lay out again.
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    estimateSize: (index) => rowHeight(lines[index]?.kind ?? 'visitor', shape) * rem,
    overscan: OVERSCAN,
    rangeExtractor: (range) => {
      if (all) return Array.from({ length: Math.min(range.count, MAX_PRINTED) }, (_, index) => index);
      const indices = defaultRangeExtractor(range);
      const at = pinned === null ? -1 : lines.findIndex(({ key }) => key === pinned);
      if (at < 0 || at >= range.count || indices.includes(at)) return indices;
      return at < (indices[0] ?? 0) ? [at, ...indices] : [...indices, at];
    },
    scrollPaddingStart: headingsHeight(shape) * rem,
    // At the top, new rows push the others down; elsewhere the rows on the screen keep their places.
    anchorTo: scrolled ? 'end' : 'start',
    onChange: ({ scrollOffset }) => setScrolled((scrollOffset ?? 0) > 0),
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, shape, rem]);
  const visible = virtualizer.getVirtualItems();
  return {
    visible,
    listed,
    totalHeight: virtualizer.getTotalSize(),
    scrolled,
    perScreen: Math.max(
      1,
      Math.floor((scroller?.clientHeight ?? 0) / (rowHeight('visitor', shape) * rem)) - 1,
    ),
    scrollToRow: (index) => virtualizer.scrollToIndex(index),
  };
}
