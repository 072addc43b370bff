import { useSyncExternalStore } from 'react';

/** Pixels per rem now. It changes with the browser's text size, with zoom, and on a wall display. */
export function useRem(): number {
  return useSyncExternalStore(watch, () => parseFloat(getComputedStyle(document.documentElement).fontSize));
}

/** A probe of one rem detects changes, including those of the text size, which fire no event. */
function watch(changed: () => void): () => void {
  const probe = document.createElement('div');
  probe.className = 'rem-probe';
  document.body.append(probe);
  const observer = new ResizeObserver(changed);
  observer.observe(probe);
  window.addEventListener('resize', changed);
  return () => {
    observer.disconnect();
    window.removeEventListener('resize', changed);
    probe.remove();
  };
}
