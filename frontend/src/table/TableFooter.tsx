import { formatCount } from '../shared/format';
import { useLive, useLiveStore } from '../store/useLive';

/** The number of visitors in the table; and, while the order is held, what is waiting. */
export function TableFooter() {
  const live = useLiveStore();
  const shown = useLive(({ listing }) => listing.shown);
  const active = useLive(({ view: { stats } }) => stats?.activeSessions ?? 0);
  const held = useLive(({ listing }) => listing.held);
  const waiting = useLive(({ listing: { waiting } }) => describeWaiting(waiting.came, waiting.left));
  return (
    <div className="shown">
      <span>{describeShown(shown, Math.max(shown, active))}</span>
      {held && (
        <span className="held">
          Order held while you read
          {waiting !== '' && (
            <button type="button" className="link-button" onClick={() => live.showWaiting()}>
              {waiting}, show
            </button>
          )}
        </span>
      )}
    </div>
  );
}

function describeShown(shown: number, active: number): string {
  if (shown < active) return `${formatCount(shown)} of ${formatCount(active)} visitors`;
  return `${formatCount(shown)} ${shown === 1 ? 'visitor' : 'visitors'}`;
}

/** Waiting changes, such as `3 came, 1 left`; empty if there are none. */
export function describeWaiting(came: number, left: number): string {
  const parts = [
    [came, 'came'],
    [left, 'left'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${formatCount(count)} ${what}`)
    .join(', ');
}
