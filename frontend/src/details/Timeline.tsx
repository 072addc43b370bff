import { memo } from 'react';
import type { Story } from '../store/journal';
import { formatClock, formatTime } from '../shared/format';
import { timelineOf } from './timeline';

/**
 * What this page saw of a session, the latest on top.
 *
 * @param version changes with the story, which is changed in place
 */
export const Timeline = memo(function Timeline({ story }: { story: Story; version: number }) {
  return (
    <ol className="timeline">
      {timelineOf(story).map(({ at, what }, index) => (
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
