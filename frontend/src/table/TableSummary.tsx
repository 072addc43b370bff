import { t } from '../shared/messages/text';
import { useLive, useLiveStore } from '../store/useLive';
import { NewPill } from './NewPill';

/** Over the table: the number of visitors in it; and, while the order is held, what is waiting. */
export function TableSummary() {
  const live = useLiveStore();
  const shown = useLive(({ listing }) => listing.shown);
  const active = useLive(({ view: { stats } }) => stats?.activeSessions ?? 0);
  const held = useLive(({ listing }) => listing.heldBy);
  const waiting = useLive(({ listing: { waiting } }) => describeWaiting(waiting.came, waiting.left));
  return (
    <div className="shown">
      <span>{describeShown(shown, Math.max(shown, active))}</span>
      <NewPill />
      {held !== null && (
        <span className="held">
          <span>{t(held === 'reader' ? 'orderHeld' : 'orderHeldBusy')}</span>
          {waiting !== '' && (
            <button type="button" className="link-button" onClick={() => live.showWaiting()}>
              {waiting}
            </button>
          )}
        </span>
      )}
    </div>
  );
}

function describeShown(shown: number, active: number): string {
  return shown < active ? t('visitorCountOf', { shown, count: active }) : t('visitorCount', { count: shown });
}

/** Waiting changes, such as `3 came, 1 left, show`; empty if there are none. */
export function describeWaiting(came: number, left: number): string {
  if (came > 0 && left > 0) return t('waitingBoth', { came, left });
  if (came > 0) return t('waitingCame', { came });
  return left > 0 ? t('waitingLeft', { left }) : '';
}
