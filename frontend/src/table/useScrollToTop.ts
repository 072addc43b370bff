import { useLayoutEffect, useRef } from 'react';
import { filterKeyOf, type Query, sortOf } from '../address/query';
import type { Line } from '../listing/lines';

/** Shows the top of the table after the order, the filters or the grouping have changed. */
export function useScrollToTop(query: Query, lines: readonly Line[], scroller: HTMLElement | null): void {
  const shown = JSON.stringify([sortOf(query), filterKeyOf(query), query.grouped]);
  const before = useRef(shown);
  const pending = useRef(false);
  useLayoutEffect(() => {
    if (before.current === shown) return;
    before.current = shown;
    pending.current = true;
    scroller?.scrollTo({ top: 0 });
  }, [shown, scroller]);
  // The lines follow in a later frame, and the virtualizer then keeps the rows on the screen in place.
  useLayoutEffect(() => {
    if (!pending.current) return;
    pending.current = false;
    scroller?.scrollTo({ top: 0 });
  }, [lines, scroller]);
}
