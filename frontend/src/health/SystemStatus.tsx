import { formatClock, formatCount, formatDuration } from '../shared/format';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import type { Deanonymizer } from './deanonymizer';
import type { Severity } from './headline';
import { assessPipeline, type Emitter, type Health, type ProcessGroup } from './pipeline';
import { explainHeldBack } from './reasons';

/** Up to this many queued messages are normal. */
const MANY_QUEUED = 100;

/** The severity of each state of the Deanonymizer. */
const DEANONYMIZER: Record<Deanonymizer['state'], Severity> = {
  answering: 'ok',
  'tried again': 'warning',
  'held back': 'failing',
  refused: 'failing',
  exhausted: 'failing',
  unknown: 'failing',
};

/** The system in the words of its operators: its parts, what is wrong, and what lookups cost. */
export function SystemStatus() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const now = useLive(({ status }) => status.now);
  const current = useLive(({ status: { freshness } }) => freshness === 'live' || freshness === 'interrupted');
  if (pipeline === null || now === null) return <p className="quiet">{t('statusConnecting')}</p>;
  const health = assessPipeline(pipeline, now);
  return (
    <>
      <p className="quiet">{t('systemAsOf', { time: formatClock(now) })}</p>
      <ProblemList health={health} />
      <Parts health={health} current={current} />
      <Lookups />
    </>
  );
}

function ProblemList({ health: { problems, emitter, deanonymizer } }: { health: Health }) {
  const invalid = useLive(({ status }) => status.invalidMessages);
  const all =
    invalid > 0
      ? [...problems, { text: t('problemInvalidMessages', { count: invalid }), reason: '' }]
      : problems;
  if (all.length === 0) {
    // What the list of parts says must not be contradicted.
    const fine = emitter.state === 'connected' && DEANONYMIZER[deanonymizer.state] === 'ok';
    return fine ? <p>{t('systemOk')}</p> : null;
  }
  return (
    <ul className="all-problems">
      {all.map(({ text, reason }) => (
        <li key={text}>
          {text}
          <Reasons texts={[reason]} />
        </li>
      ))}
    </ul>
  );
}

/** What processes report, in their own words, which are English. */
function Reasons({ texts }: { texts: readonly string[] }) {
  return texts
    .filter((text) => text !== '')
    .map((text) => (
      <span key={text} className="reason" lang="en">
        {text}
      </span>
    ));
}

/** @param current whether the states are up to date; otherwise nothing is shown as ok */
function Parts({ health, current }: { health: Health; current: boolean }) {
  const identifying = useLive(({ view: { stats } }) => stats?.beingIdentified ?? 0);
  const { groups, emitter, deanonymizer, causes, queued } = health;
  const severity = (known: Severity) => (current ? known : 'unknown');
  return (
    <section>
      <h2>{t('systemParts')}</h2>
      <ul className="groups">
        <li data-severity={severity(emitter.state === 'connected' ? 'ok' : 'failing')}>
          {describeEmitter(emitter)}
        </li>
        <li data-severity={severity(DEANONYMIZER[deanonymizer.state])}>
          <DeanonymizerState deanonymizer={deanonymizer} />
          <Reasons texts={causes} />
        </li>
        {groups.map((group) => (
          <li
            key={group.process}
            data-severity={severity(group.ready === group.total && group.total > 0 ? 'ok' : 'failing')}
          >
            {describeGroup(group)}
          </li>
        ))}
        <li data-severity={severity(queued >= MANY_QUEUED ? 'warning' : 'ok')}>
          {describeWaiting(identifying, queued)}
        </li>
      </ul>
    </section>
  );
}

function Lookups() {
  const lookups = useLive(({ view }) => view.pipeline?.lookups ?? null);
  if (lookups === null) return null;
  const lines = [
    t('lookupsPaid', { count: lookups.paid }),
    lookups.failed > 0 && t('lookupsFailed', { count: lookups.failed }),
    lookups.paidForHidden > 0 && t('lookupsHidden', { count: lookups.paidForHidden }),
    t('lookupsCached', { count: lookups.savedByCache }),
    t('lookupsShared', { count: lookups.savedByFleet }),
    t('lookupsJoined', { count: lookups.savedBySharing }),
  ].filter((line) => line !== false);
  return (
    <section>
      <h2>{t('systemLookups')}</h2>
      <ul className="lookups">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}

function describeEmitter({ state, silentSeconds }: Emitter): string {
  switch (state) {
    case 'connected':
      return t('emitterConnected');
    case 'silent':
      return t('emitterSilent', { duration: formatDuration(silentSeconds) });
    case 'disconnected':
      return t('emitterDisconnected');
    case 'unknown':
      return t('emitterUnknown');
  }
}

function DeanonymizerState({ deanonymizer: { state, heldBack } }: { deanonymizer: Deanonymizer }) {
  switch (state) {
    case 'answering':
      return t('deanonymizerAnswering');
    case 'unknown':
      return t('deanonymizerUnknown');
    case 'tried again':
      return t('deanonymizerRetried');
    case 'refused':
      return t('deanonymizerRefused');
    case 'exhausted':
      return t('deanonymizerExhausted');
    case 'held back':
      return heldBack.map(explainHeldBack).every((text) => text !== null) ? (
        heldBack.map(explainHeldBack).join('; ')
      ) : (
        <span lang="en">{asSentence(heldBack.join('; '))}</span>
      );
  }
}

function asSentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describeWaiting(identifying: number, queued: number): string {
  const parts = [
    identifying > 0 && t('waitingIdentified', { count: identifying }),
    queued >= MANY_QUEUED && t('waitingQueued', { count: queued }),
  ].filter((part) => part !== false);
  return parts.join(', ') || t('waitingNothing');
}

function describeGroup({ process, ready, total }: ProcessGroup): string {
  switch (process) {
    case 'ingestor':
      return t('groupIngestors', { ready, total });
    case 'enricher':
      return t('groupEnrichers', { ready, total });
    case 'gateway':
      return t('groupGateways', { ready, total });
    default:
      return t('groupOthers', { process, ready, total });
  }
}

/** How many problems the system status lists. */
export function ProblemCount() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const now = useLive(({ status }) => status.now);
  const count = pipeline === null || now === null ? 0 : assessPipeline(pipeline, now).problems.length;
  if (count === 0) return null;
  return (
    <span className="problem-count" title={t('systemProblems', { count })}>
      {formatCount(count)}
    </span>
  );
}
