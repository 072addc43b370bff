import type { IngestorStatus, MissingProcess, Pipeline } from '../feed/status';
import { formatDuration, formatSince } from '../shared/format';
import { t } from '../shared/messages/text';
import { accountOf, assessAccount, assessDeanonymizer, type Deanonymizer } from './deanonymizer';
import { explainNotReady } from './reasons';

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

export interface Health {
  groups: ProcessGroup[];
  emitter: Emitter;
  deanonymizer: Deanonymizer;
  /** Messages in the queue. */
  queued: number;
  /** What fails; in the words of operators. */
  problems: Problem[];
  /** Why the Deanonymizer cannot be used, as the enrichers that are ready report it. */
  causes: string[];
}

export interface Problem {
  text: string;
  /** As the process reports it, in English; empty if it says nothing more. */
  reason: string;
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
export function assessPipeline({ processes, missing = [] }: Pipeline, now: number): Health {
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
      ...withoutReason(
        account === null ? [] : [t(account === 'refused' ? 'deanonymizerRefused' : 'deanonymizerExhausted')],
      ),
      ...withoutReason(groups.filter(isMissing).map(({ process }) => t('problemNoneRuns', { process }))),
      ...withoutReason(problemsOfMissing(missing, now)),
      ...states
        .map(({ problem }) => problem)
        .filter((problem) => problem !== null)
        .filter(({ reason }) => account === null || !isAboutAccount(reason)),
    ],
    causes: [...new Set(enrichers.filter(({ ready }) => ready).map(({ reason }) => reason))].filter(
      (reason) => reason !== null,
    ),
  };
}

function withoutReason(texts: readonly string[]): Problem[] {
  return texts.map((text) => ({ text, reason: '' }));
}

function problemOf(status: Pipeline['processes'][number], now: number): Problem | null {
  const process = `${status.process} ${status.instance}`;
  const quietFor = now - status.at;
  if (quietFor >= QUIET_AFTER) {
    return { text: t('problemQuiet', { process, duration: formatDuration(quietFor / 1_000) }), reason: '' };
  }
  if (status.ready) return null;
  const text = t('problemReason', { process, reason: explainNotReady(status.reason) });
  return { text, reason: status.reason ?? '' };
}

/** One for each kind of process, since the first of them vanished. */
function problemsOfMissing(missing: MissingProcess[], now: number): string[] {
  return [...new Set(missing.map(({ process }) => process))].map((process) => {
    const times = missing.filter((one) => one.process === process).map(({ since }) => since);
    const time = formatSince(Math.min(...times), now);
    return t('problemMissing', { count: times.length, process, time });
  });
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
