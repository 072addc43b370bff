import type { ReactNode } from 'react';
import { formatAverage, formatCount, formatDuration, NOTHING } from './format';
import { LookupCosts } from './LookupCosts';
import { useMoment, useView } from './useLive';
import './styles/figures.css';

/** The figures above the table. */
export function Figures() {
  const stats = useView((view) => view.stats);
  return (
    <dl className="figures">
      <Figure name="Active visitors">{stats ? formatCount(stats.activeSessions) : NOTHING}</Figure>
      <Figure name="Being identified">{stats ? formatCount(stats.beingIdentified) : NOTHING}</Figure>
      <Figure name="Companies">{stats ? formatCount(stats.companies) : NOTHING}</Figure>
      <Figure name="Average visitors per company">
        {stats && stats.companies > 0 ? formatAverage(stats.averageVisitorsPerCompany) : NOTHING}
      </Figure>
      <Figure name="Average session duration">
        <AverageDuration />
      </Figure>
      <LookupCosts />
    </dl>
  );
}

/**
 * Goes on between frames: while nobody comes or goes, the mean of all durations grows by a second each
 * second.
 */
function AverageDuration() {
  const stats = useView((view) => view.stats);
  const statsAt = useView((view) => view.statsAt);
  const now = useMoment((moment) => moment.now);
  if (stats === null || now === null || stats.activeSessions === 0) return NOTHING;
  return formatDuration(stats.averageSessionSeconds + (now - statsAt) / 1_000);
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
