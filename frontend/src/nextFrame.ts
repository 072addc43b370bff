/** Milliseconds after which the callback runs in a hidden tab, which renders no frames. */
const UNSEEN = 1_000;

/** Calls back before the next frame is rendered, or after a second if none is. */
export function onNextFrame(callback: () => void): void {
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    callback();
  });
  const timer = setTimeout(() => {
    cancelAnimationFrame(frame);
    callback();
  }, UNSEEN);
}
