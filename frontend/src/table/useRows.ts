import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useState } from 'react';
import type { Line } from '../listing/lines';
import { useRowShape } from '../shared/useRowShape';
import { headingsHeight, rowHeight } from './rowHeight';

/** Rows rendered beyond the edges of the screen, so that scrolling does not show blanks. */
const OVERSCAN = 6;

export interface Rows {
  visible: VirtualItem[];
  /** Of all rows together, in pixels. */
  totalHeight: number;
  /** Whether the reader has left the top. */
  scrolled: boolean;
  /** How many rows fit on the screen, about. */
  perScreen: number;
  bringIntoSight: (index: number) => void;
}

/** Which of the lines are on the screen, and where. */
export function useRows(lines: readonly Line[], scroller: HTMLElement | null): Rows {
  const shape = useRowShape();
  const [rem] = useState(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
  const [scrolled, setScrolled] = useState(false);
  // eslint-disable-next-line react-hooks/incompatible-library -- a matter of the React compiler, not in use
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller,
    // Another function for other lines is how the virtualizer learns that it has to lay out anew.
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    estimateSize: (index) => rowHeight(lines[index]?.kind ?? 'visitor', shape) * rem,
    overscan: OVERSCAN,
    scrollPaddingStart: headingsHeight(shape) * rem,
    // At the top one sees the newest arrive; further down what one reads stays where it is.
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
    bringIntoSight: (index) => virtualizer.scrollToIndex(index),
  };
}
