import { formatDuration } from './format';
import { assess, type Crew, type Emitter } from './pipeline';
import { useMoment, useView } from './useLive';
import './styles/status.css';

const PLURALS: Record<string, string> = { ingestor: 'Ingestors', enricher: 'Enrichers', gateway: 'Gateways' };

/** How the pipeline behind the page is: who is there, who is ready, and what is wrong. */
export function HealthStrip() {
  const pipeline = useView((view) => view.pipeline);
  const now = useMoment((moment) => moment.now);
  if (pipeline === null || now === null) return null;
  const { crews, emitter, troubles } = assess(pipeline, now);
  return (
    <section className="health" aria-label="Pipeline">
      <ul className="crews">
        <li data-ok={emitter.state === 'connected'}>{describeEmitter(emitter)}</li>
        {crews.map((crew) => (
          <li key={crew.process} data-ok={crew.ready === crew.total && crew.total > 0}>
            {describeCrew(crew)}
          </li>
        ))}
      </ul>
      {troubles.length > 0 && (
        <ul className="troubles" aria-label="Not ready">
          {troubles.map(({ who, reason }) => (
            <li key={who}>
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

function describeCrew({ process, ready, total }: Crew): string {
  return `${PLURALS[process] ?? process} ${ready} of ${total} ready`;
}
