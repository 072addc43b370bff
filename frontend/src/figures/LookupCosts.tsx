import type { Lookups } from '../feed/status';
import { formatCount, formatMoney, formatShare, formatSince, NOTHING } from '../shared/format';
import { useLive } from '../store/useLive';
import { savedCalls, savedShare, shares } from './lookups';

/** One more of the figures: what it costs to know who visitors are, and what saved calls. */
export function LookupCosts() {
  const lookups = useLive(({ view }) => view.pipeline?.lookups ?? null);
  return (
    <div className="figure costs">
      <dt>
        Spent on lookups
        <Since />
      </dt>
      <dd>{lookups ? formatMoney(lookups.spent) : NOTHING}</dd>
      {lookups ? <Calls lookups={lookups} /> : <NoCalls />}
    </div>
  );
}

/** Since when the costs are counted. */
function Since() {
  const since = useLive(({ view }) => view.pipeline?.lookupsSince ?? null);
  const text = useLive(({ status: { now } }) => (since === null ? null : formatSince(since, now ?? since)));
  return text !== null && <span className="since"> since {text}</span>;
}

/** As high as what is to come. */
function NoCalls() {
  return (
    <dd className="calls">
      <span className="cost-bar" />
      <span className="line">No lookups yet</span>
      <span className="line">{NOTHING}</span>
    </dd>
  );
}

function Calls({ lookups }: { lookups: Lookups }) {
  const share = savedShare(lookups);
  return (
    <dd className="calls">
      <span className="cost-bar" aria-hidden="true">
        {shares(lookups).map(([what, part]) => (
          <i key={what} data-what={what} style={{ flexGrow: part }} />
        ))}
      </span>
      <span className="line">
        {formatCount(lookups.paid)} calls paid, {formatCount(savedCalls(lookups))} saved
        {share !== null && ` (${formatShare(share)})`}
      </span>{' '}
      <span className="line">
        {formatCount(lookups.savedByCache)} cached, {formatCount(lookups.savedByFleet)} from the shared cache,{' '}
        {formatCount(lookups.savedBySharing)} shared
      </span>
    </dd>
  );
}
