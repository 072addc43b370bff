import { memo } from 'react';
import { formatClock, formatTime } from '../shared/format';
import type { Visit } from '../store/journal';
import { timelineOf } from './timeline';

/**
 * What this page has seen of a session, the latest event first.
 *
 * @param version changes with `visit`, which is mutated in place
 */
export const Timeline = memo(function Timeline({ visit }: { visit: Visit; version: number }) {
  return (
    <ol className="timeline">
      {timelineOf(visit).map(({ at, what }, index) => (
        <li key={index}>
          <time dateTime={new Date(at).toISOString()} title={formatTime(at)}>
            {formatClock(at)}
          </time>
          <span>{what}</span>
        </li>
      ))}
    </ol>
  );
});
