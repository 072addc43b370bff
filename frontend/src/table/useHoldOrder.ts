import { useEffect } from 'react';
import { useLiveStore } from '../store/useLive';

/**
 * Milliseconds without a movement, a touch or a key after which the order is released, so that a pointer left on the
 * table does not freeze it.
 */
export const HOLD_TIMEOUT = 20_000;

/**
 * Holds the order of the table while a mouse or a finger is on the rows, or the keyboard is used in them. A finger
 * cannot rest on them as a mouse does; it holds the order until it touches something else, or for `HOLD_TIMEOUT`.
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
    const hold = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, HOLD_TIMEOUT);
      live.holdOrder(true);
    };
    const leave = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') stop();
    };
    const blur = ({ relatedTarget }: FocusEvent) => {
      const staysInside = relatedTarget instanceof Node && rows.contains(relatedTarget);
      if (!staysInside) stop();
    };
    const touchElsewhere = ({ pointerType, target }: PointerEvent) => {
      if (pointerType === 'touch' && !(target instanceof Node && rows.contains(target))) stop();
    };
    const listening = new AbortController();
    const { signal } = listening;
    rows.addEventListener('pointermove', hold, { signal });
    rows.addEventListener('pointerdown', hold, { signal });
    // A finger that scrolls sends no more pointer events.
    rows.addEventListener('touchmove', hold, { signal, passive: true });
    rows.addEventListener('pointerleave', leave, { signal });
    rows.addEventListener('keydown', hold, { signal });
    rows.addEventListener('focusout', blur, { signal });
    document.addEventListener('pointerdown', touchElsewhere, { signal });
    return () => {
      listening.abort();
      stop();
    };
  }, [live, rows]);
}
