import { useMemo } from 'react';
import { formatClock } from '../shared/format';
import { t } from '../shared/messages/text';
import type { Series } from '../store/statsHistory';
import { useLive } from '../store/useLive';
import { HEIGHT, sparklinePaths, WIDTH } from './sparklinePath';

/**
 * The figures of the last hour, or since the gateway knows them, redrawn once a second. It is hidden from screen readers,
 * because it adds nothing to the figures.
 */
export function Sparkline({ series }: { series: readonly Series[] }) {
  const points = useLive(({ statsHistory }) => statsHistory.points);
  const paths = useMemo(() => sparklinePaths(points, series), [points, series]);
  const since = points.find(({ values }) => values !== null)?.second;
  return (
    <div
      className="sparkline"
      aria-hidden="true"
      data-since={since}
      title={since === undefined ? undefined : t('chartSince', { time: formatClock(since * 1_000) })}
    >
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
        {series.map((name, index) => (
          <path key={name} data-series={name} d={paths[index]} />
        ))}
      </svg>
    </div>
  );
}
