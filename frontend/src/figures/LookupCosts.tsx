import type { Lookups } from '../feed/status';
import { formatMoney, formatShare, formatSince, NOTHING } from '../shared/format';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { savedShare, shares } from './lookups';

/** Another figure: what identifying visitors costs, and how many needed no call. */
export function LookupCosts() {
  const lookups = useLive(({ view }) => view.pipeline?.lookups ?? null);
  const currency = useLive(({ view }) => view.pipeline?.currency ?? null);
  return (
    <div className="figure costs">
      <dt>
        {t('figureSpent')}
        <Since />
      </dt>
      <dd translate="no">{lookups ? formatMoney(lookups.spent, currency) : NOTHING}</dd>
      <dd className="calls">
        <CostBar lookups={lookups} />
        <span className="line">{describeSaved(lookups)}</span>
      </dd>
    </div>
  );
}

/** Since when the costs are counted. */
function Since() {
  const since = useLive(({ view }) => view.pipeline?.lookupsSince ?? null);
  const text = useLive(({ status: { now } }) => (since === null ? null : formatSince(since, now ?? since)));
  return text !== null && <span className="since">{` ${t('figureSpentSince', { since: text })}`}</span>;
}

function CostBar({ lookups }: { lookups: Lookups | null }) {
  return (
    <span className="cost-bar" aria-hidden="true">
      {lookups !== null &&
        shares(lookups).map(([what, part]) => <i key={what} data-what={what} style={{ flexGrow: part }} />)}
    </span>
  );
}

function describeSaved(lookups: Lookups | null): string {
  const share = lookups && savedShare(lookups);
  return share === null ? t('figureNoLookups') : t('figureCached', { share: formatShare(share) });
}
