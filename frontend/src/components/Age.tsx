import { formatDuration, formatTime, NOTHING } from '../shared/format';
import { useLive } from '../store/useLive';

/** The time since `since` (milliseconds since the epoch); it updates itself. */
export function Age({ since }: { since: number }) {
  const age = useLive(({ status: { now } }) =>
    now === null ? NOTHING : formatDuration((now - since) / 1_000),
  );
  return (
    <time dateTime={new Date(since).toISOString()} title={formatTime(since)}>
      {age}
    </time>
  );
}
