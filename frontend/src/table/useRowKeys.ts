import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { Line } from '../listing/lines';
import type { Rows } from './useRows';

export interface RowKeys {
  /** The key of the line that Tab leads to. */
  current: string | null;
  onKeyDown: (event: KeyboardEvent) => void;
  /** To be called with the line that was clicked or focused. */
  setCurrent: (key: string) => void;
}

/**
 * The keyboard in the rows: arrows, Page, Home and End move, Enter and Space act; the arrows to the left and right
 * fold and unfold.
 *
 * @param act is told of the line that Enter was pressed on, or that is to be unfolded (true) or folded (false)
 */
export function useRowKeys(
  lines: readonly Line[],
  rows: Rows,
  scroller: HTMLElement | null,
  act: (line: Line, unfold?: boolean) => void,
): RowKeys {
  const [current, setCurrent] = useState<string | null>(null);
  const focusWanted = useRef(false);

  // A row can only be focused once it is in the document, where scrolling brings it.
  useEffect(() => {
    if (!focusWanted.current) return;
    const row = scroller?.querySelector<HTMLElement>('[role=row][tabindex="0"]');
    if (!row) return;
    focusWanted.current = false;
    row.focus({ preventScroll: true });
  });

  const onKeyDown = (event: KeyboardEvent) => {
    // The keys of a button or a link in a row are its own.
    if ((event.target as HTMLElement).getAttribute('role') !== 'row') return;
    const index = lines.findIndex(({ key }) => key === current);
    const line = lines[index];
    const target = targetOf(event.key, index, lines.length, rows.perScreen);
    if (target !== null) {
      const next = lines[target];
      if (!next) return;
      focusWanted.current = true;
      setCurrent(next.key);
      rows.bringIntoSight(target);
    } else if (line && (event.key === 'Enter' || event.key === ' ')) {
      act(line);
    } else if (line && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      act(line, event.key === 'ArrowRight');
    } else {
      return;
    }
    event.preventDefault();
  };

  // Where the chosen row is not on the screen, Tab leads to the first that is.
  const onScreen = rows.visible.map((item) => lines[item.index]?.key ?? null);
  return { current: onScreen.includes(current) ? current : (onScreen[0] ?? null), onKeyDown, setCurrent };
}

/** Where a key leads from the row at `index`; null where it leads nowhere. */
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
