import { formatDuration, formatTime, NOTHING } from '../shared/format';
import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';

interface AgeProps {
  /** Milliseconds since the epoch. */
  since: number;
  /** A message around the duration, with it as its only argument. */
  phrase?: MessageKey | undefined;
}

/** The time since a point in time; it updates itself. */
export function Age({ since, phrase }: AgeProps) {
  const age = useLive(({ status: { now } }) =>
    now === null ? NOTHING : formatDuration((now - since) / 1_000),
  );
  return (
    <time dateTime={new Date(since).toISOString()} title={formatTime(since)} translate="no">
      {phrase === undefined ? age : t(phrase, { duration: age })}
    </time>
  );
}
