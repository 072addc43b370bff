import { formatCount, formatDuration } from '../shared/format';
import { useLive } from '../store/useLive';
import { ACCOUNT_PROBLEMS, type Deanonymizer } from './deanonymizer';
import { assessPipeline, type ProcessGroup, type Emitter } from './pipeline';
import './status.css';

/** Up to so many queued messages are normal. */
const MANY_QUEUED = 100;

type Severity = 'ok' | 'warning' | 'failing';

const PLURALS: Record<string, string> = { ingestor: 'Ingestors', enricher: 'Enrichers', gateway: 'Gateways' };

/** The severity of each state of the Deanonymizer. */
const DEANONYMIZER: Record<Deanonymizer['state'], Severity> = {
  answering: 'ok',
  'tried again': 'warning',
  'held back': 'failing',
  refused: 'failing',
  exhausted: 'failing',
  unknown: 'failing',
};

/** The status of the pipeline: which processes are ready, and what is waiting. */
export function HealthStrip() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const identifying = useLive(({ view: { stats } }) => stats?.beingIdentified ?? 0);
  const now = useLive(({ status }) => status.now);
  if (pipeline === null || now === null) return <div className="health" />;
  const { groups, emitter, deanonymizer, queued } = assessPipeline(pipeline, now);
  return (
    <section className="health" aria-label="Pipeline">
      <ul className="groups">
        <li data-severity={emitter.state === 'connected' ? 'ok' : 'failing'}>{describeEmitter(emitter)}</li>
        <li data-severity={DEANONYMIZER[deanonymizer.state]}>{describeDeanonymizer(deanonymizer)}</li>
        {groups.map((group) => (
          <li
            key={group.process}
            data-severity={group.ready === group.total && group.total > 0 ? 'ok' : 'failing'}
          >
            {describeGroup(group)}
          </li>
        ))}
        <li data-severity={queued >= MANY_QUEUED ? 'warning' : 'ok'}>
          {describeWaiting(identifying, queued)}
        </li>
      </ul>
    </section>
  );
}

function describeEmitter({ state, silentSeconds }: Emitter): string {
  if (state === 'silent') return `Emitter silent for ${formatDuration(silentSeconds)}`;
  return `Emitter ${state}`;
}

function describeDeanonymizer({ state, heldBack }: Deanonymizer): string {
  switch (state) {
    case 'answering':
      return 'Deanonymizer answers';
    case 'unknown':
      return 'Deanonymizer unknown';
    case 'tried again':
      return 'Trying the Deanonymizer again';
    case 'refused':
    case 'exhausted':
      return `New visitors ${ACCOUNT_PROBLEMS[state]}`;
    case 'held back':
      return asSentence(heldBack.join(' and '));
  }
}

function asSentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describeWaiting(identifying: number, queued: number): string {
  const parts = [
    identifying > 0 && `${formatCount(identifying)} being identified`,
    queued >= MANY_QUEUED && `${formatCount(queued)} queued`,
  ].filter((part) => part !== false);
  return parts.join(', ') || 'Nothing is waiting';
}

function describeGroup({ process, ready, total }: ProcessGroup): string {
  return `${PLURALS[process] ?? process} ${ready} of ${total} ready`;
}
