import { t } from '../shared/messages/text';
import { useLive, useLiveStore } from '../store/useLive';

/** Over the top of the table: how many arrived while the order is held; a click lets them in. */
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
