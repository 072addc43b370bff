import type { IngestorStatus, Pipeline } from '../feed/status';
import { formatDuration } from '../shared/format';
import {
  ACCOUNT_PROBLEMS,
  accountOf,
  assessAccount,
  assessDeanonymizer,
  type Deanonymizer,
} from './deanonymizer';

/** Milliseconds without a status after which a process counts as not ready; each sends one a second. */
const QUIET_AFTER = 10_000;
/** Seconds without an event after which a connected emitter counts as silent. */
const EMITTER_SILENT_AFTER = 10;

const KINDS = ['ingestor', 'enricher', 'gateway'];

/** The processes of a kind, and how many of them are ready. */
export interface ProcessGroup {
  process: string;
  ready: number;
  total: number;
}

/** Something that fails, and why. */
export interface Problem {
  who: string;
  reason: string;
}

export interface Health {
  groups: ProcessGroup[];
  emitter: Emitter;
  deanonymizer: Deanonymizer;
  /** Messages in the queue. */
  queued: number;
  problems: Problem[];
}

/** The emitter as the ingestors see it; unknown without an ingestor. */
export interface Emitter {
  state: 'connected' | 'silent' | 'disconnected' | 'unknown';
  silentSeconds: number;
}

/**
 * Summarizes the status of all processes.
 *
 * @param now the server's time in milliseconds since the epoch
 */
export function assessPipeline({ processes }: Pipeline, now: number): Health {
  const states = processes.map((status) => ({ ...status, problem: problemOf(status, now) }));
  const others = states.map(({ process }) => process).filter((process) => !KINDS.includes(process));
  const groups = [...KINDS, ...new Set(others)].map((process) => {
    const group = states.filter((state) => state.process === process);
    return { process, ready: group.filter(({ problem }) => problem === null).length, total: group.length };
  });
  const heard = states.filter((state) => 'breaker' in state).filter(({ at }) => now - at < QUIET_AFTER);
  // An enricher that is not ready because of our account still reports the rest correctly.
  const enrichers = heard.filter((enricher) => enricher.ready || accountOf(enricher) !== null);
  const account = assessAccount(enrichers);
  const deanonymizer = assessDeanonymizer(enrichers);
  return {
    groups,
    emitter: assessEmitter(processes.filter((status) => 'emitterConnected' in status)),
    deanonymizer,
    // All of them report the same queue.
    queued: Math.max(0, ...enrichers.map(({ queueWaiting }) => queueWaiting)),
    problems: [
      ...(account === null ? [] : [{ who: 'New visitors', reason: ACCOUNT_PROBLEMS[account] }]),
      ...groups.filter(isMissing).map(({ process }) => ({ who: process, reason: 'none is known to run' })),
      ...states.flatMap(({ process, instance, problem }) =>
        problem === null || (account !== null && isAboutAccount(problem))
          ? []
          : [{ who: `${process} ${instance}`, reason: problem }],
      ),
    ],
  };
}

function problemOf(status: Pipeline['processes'][number], now: number): string | null {
  const quietFor = now - status.at;
  if (quietFor >= QUIET_AFTER) return `has sent no status for ${formatDuration(quietFor / 1_000)}`;
  return status.ready ? null : (status.reason ?? 'not ready');
}

/** Whether a reason names our account, and nothing else. */
function isAboutAccount(reason: string): boolean {
  return reason.startsWith('account: ') && !reason.includes('; ');
}

/** Nothing reaches the page without these. A gateway is running, since it sent this status. */
function isMissing({ process, total }: ProcessGroup): boolean {
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
