import { useEffect, useRef, type KeyboardEvent } from 'react';
import type { Line } from '../listing/lines';
import type { VirtualRows } from './useVirtualRows';

export interface RowNavigation {
  /** Key of the line in the tab order. */
  current: string | null;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** What the keys do, and what they do it to. */
export interface NavigationOptions {
  lines: readonly Line[];
  rows: VirtualRows;
  scroller: HTMLElement | null;
  /** Key of the line that was clicked or focused last. */
  current: string | null;
  setCurrent: (key: string) => void;
  /** Called with the activated line, or with `true` to expand and `false` to collapse it. */
  act: (line: Line, unfold?: boolean) => void;
  /** Called with other keys; returns whether it has used the key. */
  onOtherKey: (line: Line, key: string) => boolean;
}

/**
 * Keyboard navigation of the rows: arrows, Page, Home and End move the focus, Enter and Space activate, Left and
 * Right collapse and expand.
 */
export function useRowNavigation({
  lines,
  rows,
  scroller,
  current,
  setCurrent,
  act,
  onOtherKey,
}: NavigationOptions): RowNavigation {
  const moveFocus = useRowFocus({ lines, scroller, current, setCurrent });

  const onKeyDown = (event: KeyboardEvent) => {
    // Buttons and links in a row handle their own keys, and the browser has its shortcuts.
    if ((event.target as HTMLElement).getAttribute('role') !== 'row') return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const index = lines.findIndex(({ key }) => key === current);
    const line = lines[index];
    const target = targetOf(event.key, index, rows.listed, rows.perScreen);
    if (target !== null) {
      const next = lines[target];
      if (!next) return;
      moveFocus(next.key);
      rows.scrollToRow(target);
    } else if (line && (event.key === 'Enter' || event.key === ' ')) {
      act(line);
    } else if (line && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      act(line, event.key === 'ArrowRight');
    } else if (!line || !onOtherKey(line, event.key)) {
      return;
    }
    event.preventDefault();
  };

  // If the current row is not on the screen, the first one that is takes its place in the tab order.
  const onScreen = rows.visible.map((item) => lines[item.index]?.key ?? null);
  return { current: onScreen.includes(current) ? current : (onScreen[0] ?? null), onKeyDown };
}

type FocusOptions = Pick<NavigationOptions, 'lines' | 'scroller' | 'current' | 'setCurrent'>;

/**
 * Returns how to move the focus to a line. When the line that has the focus leaves, the focus moves to the one that
 * takes its place.
 */
function useRowFocus({ lines, scroller, current, setCurrent }: FocusOptions): (key: string) => void {
  const wanted = useRef(false);
  const last = useRef({ index: -1, focused: false });
  const moveFocus = (key: string) => {
    wanted.current = true;
    setCurrent(key);
  };

  // A row can get the focus only once scrolling has rendered it.
  useEffect(() => {
    if (!wanted.current) return;
    const row = scroller?.querySelector<HTMLElement>('[role=row][tabindex="0"]');
    if (!row) return;
    wanted.current = false;
    row.focus({ preventScroll: true });
  });

  useEffect(() => {
    const index = lines.findIndex(({ key }) => key === current);
    const { activeElement } = document;
    if (index >= 0) {
      last.current = { index, focused: activeElement?.role === 'row' };
      return;
    }
    const next = lines[Math.min(last.current.index, lines.length - 1)];
    if (!last.current.focused || activeElement !== document.body || !next) return;
    moveFocus(next.key);
  });

  return moveFocus;
}

/** Index of the row that a key moves to from `index`, or null for other keys. */
export function targetOf(key: string, index: number, count: number, perScreen: number): number | null {
  const steps: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + perScreen,
    PageUp: index - perScreen,
    Home: 0,
    End: count - 1,
  };
  const target = steps[key];
  return target === undefined ? null : Math.min(Math.max(0, target), count - 1);
}
