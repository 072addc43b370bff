/** How long, in milliseconds, a page that is not painted waits, since a hidden tab never is. */
const UNSEEN = 1_000;

/** Calls back before the next paint, or after a second where there is none. */
export function beforePaint(callback: () => void): void {
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    callback();
  });
  const timer = setTimeout(() => {
    cancelAnimationFrame(frame);
    callback();
  }, UNSEEN);
}
