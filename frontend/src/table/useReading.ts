import { useEffect } from 'react';
import { useLiveStore } from '../store/useLive';

/**
 * For how long, in milliseconds, a pointer that rests or a key that was pressed counts as reading: a pointer that was
 * left lying on the table must not freeze it for the day.
 */
export const READING = 20_000;

/**
 * Holds the order of the list while somebody reads it: while a mouse is over the rows, or the keyboard is used in
 * them. A finger holds nothing; who has scrolled keeps their place anyway.
 */
export function useReading(rows: HTMLElement | null): void {
  const live = useLiveStore();
  useEffect(() => {
    if (rows === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      clearTimeout(timer);
      live.read(false);
    };
    const read = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, READING);
      live.read(true);
    };
    const point = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') read();
    };
    const leave = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') stop();
    };
    const listening = new AbortController();
    const { signal } = listening;
    rows.addEventListener('pointermove', point, { signal });
    rows.addEventListener('pointerleave', leave, { signal });
    rows.addEventListener('keydown', read, { signal });
    rows.addEventListener('focusout', stop, { signal });
    return () => {
      listening.abort();
      stop();
    };
  }, [live, rows]);
}
