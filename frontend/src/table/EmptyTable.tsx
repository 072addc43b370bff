import { useLive } from '../store/useLive';
import { formatCount } from '../shared/format';
import { describeFeed, describeInterruption } from '../health/interruption';
import { isFiltered, withoutFilters } from '../address/query';
import { useQuery } from '../address/useQuery';

/** Says why the table is empty, and what will change that. */
export function EmptyTable() {
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
        <h2>None of the {formatCount(active)} visitors match</h2>
        <p>Matching visitors appear here as soon as they arrive.</p>
        <button type="button" className="button" onClick={() => change(withoutFilters(query))}>
          Show all visitors
        </button>
      </div>
    );
  }
  // The first layout follows within a moment.
  if (active > 0 && shown === 0) return null;
  const interruption = describeInterruption(pipeline);
  if (interruption !== null) {
    return (
      <div className="no-rows">
        <h2>We cannot tell who is on the website right now</h2>
        <p>{interruption}</p>
      </div>
    );
  }
  if (identified > 0) {
    return (
      <div className="no-rows">
        <h2>{formatCount(identified)} being identified</h2>
        <p>New visitors appear here once they are identified.</p>
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
      <p>New visitors appear here within a moment.</p>
    </div>
  );
}

/** Placeholder rows, so that nothing shifts when the first ones arrive. */
function Waiting() {
  return (
    <>
      <p className="waiting-text">Connecting…</p>
      <div className="ghosts" aria-hidden="true">
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} className="ghost" />
        ))}
      </div>
    </>
  );
}
