/** Whether somebody is looking at the page. Each window that is being looked at holds a lock that the others can see. */

const LOCK = 'somebody looks at the visitors';

let letGo: (() => void) | null = null;

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
  if (isLooking() === (letGo !== null) || !('locks' in navigator)) return;
  if (letGo !== null) {
    letGo();
    letGo = null;
    return;
  }
  const looked = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  void navigator.locks.request(LOCK, { mode: 'shared' }, () => looked);
}
