import type { IngestorStatus, Pipeline } from '../feed/status';
import { formatDuration } from '../shared/format';
import {
  ACCOUNT_TROUBLE,
  accountOf,
  assessAccount,
  assessDeanonymizer,
  type Deanonymizer,
} from './deanonymizer';

/**
 * Processes say how they are each second; one that has been quiet for so many milliseconds counts as not
 * ready.
 */
const QUIET_AFTER = 10_000;
/** Seconds without an event after which a connected emitter is called silent. */
const EMITTER_SILENT_AFTER = 10;

const KINDS = ['ingestor', 'enricher', 'gateway'];

/** How many of the processes of a kind do their job. */
export interface Crew {
  process: string;
  ready: number;
  total: number;
}

/** Something that does not work, and why. */
export interface Trouble {
  who: string;
  reason: string;
}

export interface Health {
  crews: Crew[];
  emitter: Emitter;
  deanonymizer: Deanonymizer;
  /** Messages that no enricher has taken yet. */
  queued: number;
  troubles: Trouble[];
}

/** The emitter as the ingestors see it; unknown where none tells. */
export interface Emitter {
  state: 'connected' | 'silent' | 'disconnected' | 'unknown';
  silentSeconds: number;
}

/**
 * Sums up how the pipeline is.
 *
 * @param now the server's time in milliseconds since the epoch
 */
export function assess({ processes }: Pipeline, now: number): Health {
  const states = processes.map((status) => ({ ...status, trouble: troubleOf(status, now) }));
  const others = states.map(({ process }) => process).filter((process) => !KINDS.includes(process));
  const crews = [...KINDS, ...new Set(others)].map((process) => {
    const crew = states.filter((state) => state.process === process);
    return { process, ready: crew.filter(({ trouble }) => trouble === null).length, total: crew.length };
  });
  const heard = states.filter((state) => 'breaker' in state).filter(({ at }) => now - at < QUIET_AFTER);
  // One that is not ready because of our account still knows of the rest.
  const enrichers = heard.filter((enricher) => enricher.ready || accountOf(enricher) !== null);
  const account = assessAccount(enrichers);
  const deanonymizer = assessDeanonymizer(enrichers);
  return {
    crews,
    emitter: assessEmitter(processes.filter((status) => 'emitterConnected' in status)),
    deanonymizer,
    // Each tells of the one queue that they share.
    queued: Math.max(0, ...enrichers.map(({ queueWaiting }) => queueWaiting)),
    troubles: [
      ...(account === null ? [] : [{ who: 'New visitors', reason: ACCOUNT_TROUBLE[account] }]),
      ...crews.filter(isMissing).map(({ process }) => ({ who: process, reason: 'none is known to run' })),
      ...states.flatMap(({ process, instance, trouble }) =>
        trouble === null || (account !== null && isAboutAccount(trouble))
          ? []
          : [{ who: `${process} ${instance}`, reason: trouble }],
      ),
    ],
  };
}

function troubleOf(status: Pipeline['processes'][number], now: number): string | null {
  const quietFor = now - status.at;
  if (quietFor >= QUIET_AFTER) return `has not been heard of for ${formatDuration(quietFor / 1_000)}`;
  return status.ready ? null : (status.reason ?? 'not ready');
}

/** Whether a reason names our account, and nothing else. */
function isAboutAccount(reason: string): boolean {
  return reason.startsWith('account: ') && !reason.includes('; ');
}

/** Nothing reaches the page without these; a gateway must be there, since it is the one who tells. */
function isMissing({ process, total }: Crew): boolean {
  return total === 0 && process !== 'gateway';
}

function assessEmitter(ingestors: IngestorStatus[]): Emitter {
  const connected = ingestors.filter(({ emitterConnected }) => emitterConnected);
  if (ingestors.length === 0) return { state: 'unknown', silentSeconds: 0 };
  if (connected.length === 0) {
    const silentSeconds = Math.min(...ingestors.map((ingestor) => ingestor.emitterSilentSeconds));
    return { state: 'disconnected', silentSeconds };
  }
  const silentSeconds = Math.min(...connected.map((ingestor) => ingestor.emitterSilentSeconds));
  return { state: silentSeconds >= EMITTER_SILENT_AFTER ? 'silent' : 'connected', silentSeconds };
}
