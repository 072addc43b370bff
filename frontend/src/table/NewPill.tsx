import { t } from '../shared/messages/text';
import { useLive, useLiveStore } from '../store/useLive';

/** How many arrived while the order is held; a click lets them in. It covers no row, and moves none. */
export function NewPill() {
  const live = useLiveStore();
  const count = useLive(({ listing }) => (listing.heldBy === null ? 0 : listing.waiting.came));
  if (count === 0) return null;
  return (
    <button type="button" className="new-pill" onClick={() => live.showWaiting()}>
      {t('newPill', { count })}
    </button>
  );
}
