import type { ReactNode } from 'react';
import { formatAverage, formatCount, formatDuration, formatRate, NOTHING } from '../shared/format';
import { t } from '../shared/messages/text';
import type { Series } from '../store/statsHistory';
import { useLive } from '../store/useLive';
import { LookupCosts } from './LookupCosts';
import { Sparkline } from './Sparkline';
import './figures.css';

const ACTIVE = ['active'] as const;
const IDENTIFIED = ['identified'] as const;
const COMPANIES = ['companies'] as const;
const PER_COMPANY = ['perCompany'] as const;
const DURATION = ['duration'] as const;
const RATES = ['arrivals', 'departures'] as const;

/** The figures above the table. */
export function Figures() {
  const stats = useLive(({ view }) => view.stats);
  return (
    <dl className="figures" aria-label={t('figures')}>
      <Figure name={t('figureActive')} series={ACTIVE}>
        {stats ? formatCount(stats.activeSessions) : NOTHING}
      </Figure>
      <Figure name={t('figureIdentifying')} series={IDENTIFIED}>
        {stats ? formatCount(stats.beingIdentified) : NOTHING}
      </Figure>
      <Figure name={t('figureCompanies')} series={COMPANIES}>
        {stats ? formatCount(stats.companies) : NOTHING}
      </Figure>
      <Figure name={t('figurePerCompany')} series={PER_COMPANY}>
        {stats && stats.companies > 0 ? formatAverage(stats.averageVisitorsPerCompany) : NOTHING}
      </Figure>
      <Figure name={t('figureDuration')} series={DURATION}>
        <AverageDuration />
      </Figure>
      <Figure name={t('figureRates')} series={RATES}>
        <ArrivalsAndDepartures />
      </Figure>
      <LookupCosts />
    </dl>
  );
}

/** Updates itself between frames: while nobody arrives or leaves, the mean duration grows by a second each second. */
function AverageDuration() {
  const stats = useLive(({ view }) => view.stats);
  const statsAt = useLive(({ view }) => view.statsAt);
  const now = useLive(({ status }) => status.now);
  if (stats === null || now === null || stats.activeSessions === 0) return NOTHING;
  return formatDuration(stats.averageSessionSeconds + (now - statsAt) / 1_000);
}

/** Averaged over the last seconds, because the rate of one second jumps. */
function ArrivalsAndDepartures() {
  const arrivals = useLive(({ statsHistory }) => statsHistory.rate('arrivals'));
  const departures = useLive(({ statsHistory }) => statsHistory.rate('departures'));
  if (arrivals === null || departures === null) return NOTHING;
  return (
    <>
      <span className="rate-in">
        <span className="visually-hidden">{`${t('figureIn')} `}</span>
        <span>{`+${formatRate(arrivals)}`}</span>
      </span>{' '}
      <span className="rate-out">
        <span className="visually-hidden">{`${t('figureOut')} `}</span>
        <span>{`−${formatRate(departures)}`}</span>
      </span>
    </>
  );
}

function Figure({
  name,
  series,
  children,
}: {
  name: string;
  series: readonly Series[];
  children: ReactNode;
}) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd translate="no">{children}</dd>
      <dd className="trace">
        <Sparkline series={series} />
      </dd>
    </div>
  );
}
