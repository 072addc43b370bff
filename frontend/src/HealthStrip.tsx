import type { Deanonymizer } from './deanonymizer';
import { formatCount, formatDuration } from './format';
import { assess, type Crew, type Emitter } from './pipeline';
import { useMoment, useView } from './useLive';
import './styles/status.css';

type Mood = 'good' | 'doubtful' | 'bad';

const PLURALS: Record<string, string> = { ingestor: 'Ingestors', enricher: 'Enrichers', gateway: 'Gateways' };

/** How the Deanonymizer is called in each of its states, and how bad that is. */
const DEANONYMIZER: Record<Deanonymizer['state'], [text: string, mood: Mood]> = {
  answering: ['Deanonymizer answers', 'good'],
  'tried again': ['Trying the Deanonymizer again', 'doubtful'],
  'held back': ['Deanonymizer not asked', 'bad'],
  unknown: ['Deanonymizer unknown', 'bad'],
};

/** How the pipeline behind the page is: who is there, who is ready, and what is wrong. */
export function HealthStrip() {
  const pipeline = useView((view) => view.pipeline);
  const now = useMoment((moment) => moment.now);
  if (pipeline === null || now === null) return null;
  const { crews, emitter, deanonymizer, troubles } = assess(pipeline, now);
  return (
    <section className="health" aria-label="Pipeline">
      <ul className="crews">
        <li data-mood={emitter.state === 'connected' ? 'good' : 'bad'}>{describeEmitter(emitter)}</li>
        <li data-mood={DEANONYMIZER[deanonymizer.state][1]}>{describeDeanonymizer(deanonymizer)}</li>
        {crews.map((crew) => (
          <li key={crew.process} data-mood={crew.ready === crew.total && crew.total > 0 ? 'good' : 'bad'}>
            {describeCrew(crew)}
          </li>
        ))}
      </ul>
      {troubles.length > 0 && (
        <ul className="troubles" aria-label="Troubles">
          {troubles.map(({ who, reason }) => (
            <li key={`${who} ${reason}`}>
              <strong>{who}</strong> {reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function describeEmitter({ state, silentSeconds }: Emitter): string {
  if (state === 'silent') return `Emitter silent for ${formatDuration(silentSeconds)}`;
  return `Emitter ${state}`;
}

/** Who waits for an answer that comes right away is told by the figures alone. */
function describeDeanonymizer({ state, waiting }: Deanonymizer): string {
  const [text] = DEANONYMIZER[state];
  if (state === 'answering' || waiting === 0) return text;
  return `${text}, ${formatCount(waiting)} ${waiting === 1 ? 'visitor waits' : 'visitors wait'} for it`;
}

function describeCrew({ process, ready, total }: Crew): string {
  return `${PLURALS[process] ?? process} ${ready} of ${total} ready`;
}
