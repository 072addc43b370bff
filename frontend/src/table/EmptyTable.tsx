import type { ReactNode } from 'react';
import { isFiltered, type Query, withoutFilters } from '../address/query';
import { useQuery } from '../address/useQuery';
import { describeFeed, describeInterruption } from '../health/interruption';
import { isHost, readableDomain } from '../shared/domain';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';

/** Says why the table is empty, and what will change that. */
export function EmptyTable() {
  const freshness = useLive(({ status }) => status.freshness);
  const [query, change] = useQuery();
  const active = useLive(({ view: { stats } }) => stats?.activeSessions ?? 0);
  const identified = useLive(({ view: { stats } }) => stats?.beingIdentified ?? 0);
  const shown = useLive(({ listing }) => listing.shown);
  const pipeline = useLive(({ view }) => view.pipeline);
  const silentFeed = useLive(({ status: { now } }) => describeFeed(pipeline, now));
  const company = onlyCompany(query);
  if (freshness === 'connecting') return <Waiting />;
  if (isFiltered(query) && active > 0) {
    return (
      <Message
        title={company === null ? t('emptyNoMatch', { count: active }) : t('emptyCompany', { company })}
      >
        <p>{t('emptyNoMatchAdvice')}</p>
        <button type="button" className="button" onClick={() => change(withoutFilters(query))}>
          {t('showAllVisitors')}
        </button>
      </Message>
    );
  }
  // The first layout follows within a moment.
  if (active > 0 && shown === 0) return null;
  const interruption = describeInterruption(pipeline);
  if (interruption !== null) {
    return (
      <Message title={t('emptyUnknown')}>
        <p>{interruption}</p>
      </Message>
    );
  }
  if (identified > 0) {
    return (
      <Message title={t('emptyIdentifying', { count: identified })}>
        <p>{t('emptyIdentifyingAdvice')}</p>
      </Message>
    );
  }
  if (silentFeed !== null) {
    return (
      <Message title={t('emptyNotConnected')}>
        <p>{silentFeed}</p>
      </Message>
    );
  }
  return (
    <Message title={t('emptyNobody')} withSunrise>
      <p>{t('emptyNobodyAdvice')}</p>
    </Message>
  );
}

/** What to call the company, if it is the only filter; its name is not known once nobody from it is here. */
function onlyCompany(query: Query): string | null {
  const { company } = query;
  if (company === null || !isHost(company) || isFiltered({ ...query, company: null })) return null;
  return readableDomain(company);
}

interface MessageProps {
  title: string;
  withSunrise?: boolean;
  children: ReactNode;
}

function Message({ title, withSunrise = false, children }: MessageProps) {
  return (
    <div className="no-rows">
      {withSunrise && (
        <svg className="horizon" viewBox="0 0 96 48" aria-hidden="true">
          <path d="M4 40h88M24 40a24 24 0 0 1 48 0M48 4v6M20 14l4 4M76 14l-4 4" />
        </svg>
      )}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Placeholder rows, so that nothing shifts when the first ones arrive. */
function Waiting() {
  return (
    <>
      <p className="waiting-text">{t('emptyConnecting')}</p>
      <div className="ghosts" aria-hidden="true">
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} className="ghost" />
        ))}
      </div>
    </>
  );
}
