import type { Interruption, Pipeline } from '../feed/status';
import { formatClock, formatDuration } from '../shared/format';
import { assessPipeline } from './pipeline';

/** What is interrupted, in the words of people who sell. */
const WHAT: Record<string, string> = {
  streams: 'The connection to the visitor data',
  ingestors: 'The connection to the website',
  enrichers: 'The identification of visitors',
};

/**
 * Why nobody knows who is on the website now, in sentences; null while it is known. It names the first of several
 * interruptions; the system status lists the others.
 */
export function describeInterruption(pipeline: Pipeline | null): string | null {
  const [first] = pipeline?.interruptions ?? [];
  return first === undefined ? null : describe(first);
}

function describe({ part, since }: Interruption): string {
  if (part === 'backlog') return 'The connection is back. Missed changes are being added.';
  const what = WHAT[part] ?? 'A part of the system';
  return `${what} has been interrupted since ${formatClock(since)}.`;
}

/**
 * Why the table empties while nothing is interrupted: the website sends nothing. Null if it does.
 *
 * @param now the server's time in milliseconds since the epoch
 */
export function describeFeed(pipeline: Pipeline | null, now: number | null): string | null {
  if (pipeline === null || now === null) return null;
  const { state, silentSeconds } = assessPipeline(pipeline, now).emitter;
  if (state !== 'disconnected') return null;
  const silence = formatDuration(silentSeconds);
  return `The website has sent nothing for ${silence}. Visitors without activity leave this list.`;
}
