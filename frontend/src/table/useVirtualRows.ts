import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useState } from 'react';
import type { Line } from '../listing/lines';
import { useRowShape } from '../shared/useRowShape';
import { headingsHeight, rowHeight } from './rowHeight';

/** Rows rendered beyond the edges of the screen, so that scrolling shows no blanks. */
const OVERSCAN = 6;

export interface VirtualRows {
  visible: VirtualItem[];
  /** Of all rows together, in pixels. */
  totalHeight: number;
  /** Whether the table is scrolled away from the top. */
  scrolled: boolean;
  /** About how many rows fit on the screen. */
  perScreen: number;
  scrollToRow: (index: number) => void;
}

/** Which lines are on the screen, and where. */
export function useVirtualRows(lines: readonly Line[], scroller: HTMLElement | null): VirtualRows {
  const shape = useRowShape();
  const [rem] = useState(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  const [scrolled, setScrolled] = useState(false);
  // eslint-disable-next-line react-hooks/incompatible-library -- a matter of the React compiler, not in use
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller,
    // A new function for new lines tells the virtualizer to lay out again.
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    estimateSize: (index) => rowHeight(lines[index]?.kind ?? 'visitor', shape) * rem,
    overscan: OVERSCAN,
    scrollPaddingStart: headingsHeight(shape) * rem,
    // At the top, new rows push the others down; elsewhere the rows on the screen keep their places.
    anchorTo: scrolled ? 'end' : 'start',
    onChange: ({ scrollOffset }) => setScrolled((scrollOffset ?? 0) > 0),
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, shape]);
  const visible = virtualizer.getVirtualItems();
  return {
    visible,
    totalHeight: virtualizer.getTotalSize(),
    scrolled,
    perScreen: Math.max(
      1,
      Math.floor((scroller?.clientHeight ?? 0) / (rowHeight('visitor', shape) * rem)) - 1,
    ),
    scrollToRow: (index) => virtualizer.scrollToIndex(index),
  };
}
