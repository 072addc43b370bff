import { useLive } from '../store/useLive';
import { formatCount } from '../shared/format';
import { describeFeed, describeInterruption } from '../health/interruption';
import { isFiltered, withoutFilters } from '../address/query';
import { useQuery } from '../address/useQuery';

/** What stands in the table where there is nobody to show: why, and what comes next. */
export function NoRows() {
  const freshness = useLive(({ status }) => status.freshness);
  const [query, change] = useQuery();
  const active = useLive(({ view: { stats } }) => stats?.activeSessions ?? 0);
  const identified = useLive(({ view: { stats } }) => stats?.beingIdentified ?? 0);
  const shown = useLive(({ listing }) => listing.shown);
  const pipeline = useLive(({ view }) => view.pipeline);
  const silentFeed = useLive(({ status: { now } }) => describeFeed(pipeline, now));
  if (freshness === 'connecting') return <Waiting />;
  if (isFiltered(query) && active > 0) {
    return (
      <div className="no-rows">
        <h2>None of the {formatCount(active)} visitors matches</h2>
        <p>Whoever comes and matches appears here at once.</p>
        <button type="button" className="button" onClick={() => change(withoutFilters(query))}>
          Show all visitors
        </button>
      </div>
    );
  }
  // The lines follow within a moment.
  if (active > 0 && shown === 0) return null;
  const interruption = describeInterruption(pipeline);
  if (interruption !== null) {
    return (
      <div className="no-rows">
        <h2>It is not known who is on the website right now</h2>
        <p>{interruption}</p>
      </div>
    );
  }
  if (identified > 0) {
    return (
      <div className="no-rows">
        <h2>{formatCount(identified)} being identified</h2>
        <p>Visitors appear here as soon as it is known whether they may be shown.</p>
      </div>
    );
  }
  if (silentFeed !== null) {
    return (
      <div className="no-rows">
        <h2>The website is not connected</h2>
        <p>{silentFeed}</p>
      </div>
    );
  }
  return (
    <div className="no-rows">
      <svg className="horizon" viewBox="0 0 96 48" aria-hidden="true">
        <path d="M4 40h88M24 40a24 24 0 0 1 48 0M48 4v6M20 14l4 4M76 14l-4 4" />
      </svg>
      <h2>Nobody is on the website right now</h2>
      <p>Whoever comes appears here within a moment.</p>
    </div>
  );
}

/** The shape of what is to come, so that nothing jumps when it does. */
function Waiting() {
  return (
    <>
      <p className="waiting-text">Waiting for the gateway…</p>
      <div className="ghosts" aria-hidden="true">
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} className="ghost" />
        ))}
      </div>
    </>
  );
}
