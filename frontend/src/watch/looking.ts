/** Whether somebody is looking at the page. Each window that is being looked at holds a lock that the others can see. */

const LOCK = 'visitors page in focus';

let releaseLock: (() => void) | null = null;

/** Tracks whether this window is being looked at: it is visible and has the focus. */
export function followLooking(): void {
  for (const event of ['focus', 'blur', 'pagehide'] as const) window.addEventListener(event, update);
  document.addEventListener('visibilitychange', update);
  update();
}

/** Whether this window or another one of this browser is being looked at. */
export async function isAnybodyLooking(): Promise<boolean> {
  if (isLooking()) return true;
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === LOCK);
}

function isLooking(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}

function update(): void {
  if (isLooking() === (releaseLock !== null) || !('locks' in navigator)) return;
  if (releaseLock !== null) {
    releaseLock();
    releaseLock = null;
    return;
  }
  const released = new Promise<void>((resolve) => {
    releaseLock = resolve;
  });
  void navigator.locks.request(LOCK, { mode: 'shared' }, () => released);
}
