import { useEffect } from 'react';
import { useLiveStore } from '../store/useLive';

/**
 * Milliseconds without a movement or a key after which the order is released, so that a pointer left on the table
 * does not freeze it.
 */
export const HOLD_TIMEOUT = 20_000;

/**
 * Holds the order of the table while a mouse is over the rows or the keyboard is used in them. Touch does not hold
 * it.
 */
export function useHoldOrder(rows: HTMLElement | null): void {
  const live = useLiveStore();
  useEffect(() => {
    if (rows === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      clearTimeout(timer);
      live.holdOrder(false);
    };
    const read = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, HOLD_TIMEOUT);
      live.holdOrder(true);
    };
    const point = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') read();
    };
    const leave = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') stop();
    };
    const blur = ({ relatedTarget }: FocusEvent) => {
      const staysInside = relatedTarget instanceof Node && rows.contains(relatedTarget);
      if (!staysInside) stop();
    };
    const listening = new AbortController();
    const { signal } = listening;
    rows.addEventListener('pointermove', point, { signal });
    rows.addEventListener('pointerleave', leave, { signal });
    rows.addEventListener('keydown', read, { signal });
    rows.addEventListener('focusout', blur, { signal });
    return () => {
      listening.abort();
      stop();
    };
  }, [live, rows]);
}
