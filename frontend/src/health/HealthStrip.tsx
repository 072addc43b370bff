import { formatCount, formatDuration } from '../shared/format';
import { useLive } from '../store/useLive';
import { ACCOUNT_TROUBLE, type Deanonymizer } from './deanonymizer';
import { assess, type Crew, type Emitter } from './pipeline';
import './status.css';

/** Fewer messages than these are on their way; so many that no enricher has taken wait. */
const MANY_QUEUED = 100;

type Mood = 'good' | 'doubtful' | 'bad';

const PLURALS: Record<string, string> = { ingestor: 'Ingestors', enricher: 'Enrichers', gateway: 'Gateways' };

/** How bad each state of the Deanonymizer is. */
const DEANONYMIZER: Record<Deanonymizer['state'], Mood> = {
  answering: 'good',
  'tried again': 'doubtful',
  'held back': 'bad',
  refused: 'bad',
  exhausted: 'bad',
  unknown: 'bad',
};

/** How the pipeline behind the page is: who is there, who is ready, and what waits. */
export function HealthStrip() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const identifying = useLive(({ view: { stats } }) => stats?.beingIdentified ?? 0);
  const now = useLive(({ status }) => status.now);
  if (pipeline === null || now === null) return <div className="health" />;
  const { crews, emitter, deanonymizer, queued } = assess(pipeline, now);
  return (
    <section className="health" aria-label="Pipeline">
      <ul className="crews">
        <li data-mood={emitter.state === 'connected' ? 'good' : 'bad'}>{describeEmitter(emitter)}</li>
        <li data-mood={DEANONYMIZER[deanonymizer.state]}>{describeDeanonymizer(deanonymizer)}</li>
        {crews.map((crew) => (
          <li key={crew.process} data-mood={crew.ready === crew.total && crew.total > 0 ? 'good' : 'bad'}>
            {describeCrew(crew)}
          </li>
        ))}
        <li data-mood={queued >= MANY_QUEUED ? 'doubtful' : 'good'}>
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

/** What keeps calls back is told in its own words. */
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
      return `New visitors ${ACCOUNT_TROUBLE[state]}`;
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
  return parts.join(', ') || 'Nothing waits';
}

function describeCrew({ process, ready, total }: Crew): string {
  return `${PLURALS[process] ?? process} ${ready} of ${total} ready`;
}
