import type { Freshness } from '../feed/freshness';
import { formatClock, formatCount, formatDuration } from '../shared/format';
import { useLive } from '../store/useLive';
import { describeFeed, describeInterruption } from './interruption';
import './status.css';

const LABELS: Record<Freshness, string> = {
  connecting: 'Connecting',
  live: 'Live',
  interrupted: 'Interrupted',
  reconnecting: 'Reconnecting',
  stale: 'Stale',
};

/** How up to date the page is. */
export function LinkStatus() {
  const freshness = useLive(({ status }) => status.freshness);
  const silence = useLive(({ status }) => formatDuration(status.silentSeconds));
  const asOf = useLive(({ status: { now } }) => (now === null ? null : formatClock(now)));
  return (
    <div className="link-status" data-freshness={freshness}>
      {/* Only the state is announced: a screen reader would read out every second. */}
      <strong role="status">{LABELS[freshness]}</strong>
      {freshness === 'live' && <span>as of {asOf}</span>}
      {freshness === 'live' && <Feed />}
      {freshness === 'interrupted' && <Interrupted />}
      {freshness === 'reconnecting' && <span>shown as of {asOf}</span>}
      {freshness === 'stale' && (
        <span>
          for {silence}: no data from the server. Shown as of {asOf}.
        </span>
      )}
      {freshness === 'connecting' && <span>for {silence}</span>}
      <Misunderstood />
    </div>
  );
}

/** What is interrupted, and the time of the last known state. */
function Interrupted() {
  const asOf = useLive(({ view: { stats } }) => (stats?.asOf === undefined ? null : formatClock(stats.asOf)));
  const why = useLive(({ view: { pipeline } }) => describeInterruption(pipeline));
  return (
    <span>
      {asOf !== null && `Shown as of ${asOf}. `}
      {why}
    </span>
  );
}

/** Says that the website sends nothing. */
function Feed() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const why = useLive(({ status: { now } }) => describeFeed(pipeline, now));
  return why === null ? null : <span className="feed">{why}</span>;
}

/** Most likely the gateway is newer than this page. */
function Misunderstood() {
  const count = useLive(({ status }) => status.invalidMessages);
  if (count === 0) return null;
  return <span>Messages not understood: {formatCount(count)}. Reloading the page may help.</span>;
}
