import { useSyncExternalStore } from 'react';
import { lastAnnounced, subscribeAnnounced } from './announce';

/** Where screen readers find what `announce` says. */
export function Announcer() {
  const text = useSyncExternalStore(subscribeAnnounced, lastAnnounced);
  return (
    <div role="log" aria-live="polite" className="visually-hidden">
      {text}
    </div>
  );
}
