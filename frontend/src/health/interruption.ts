import type { Interruption, Pipeline } from '../feed/status';
import { formatClock, formatDuration } from '../shared/format';
import { assess } from './pipeline';

/** What is interrupted, for somebody who sells. */
const WHAT: Record<string, string> = {
  streams: 'The connection to the visitor data',
  ingestors: 'The connection to the website',
  enrichers: 'The identification of visitors',
};

/**
 * Why nobody knows who is on the website now, in sentences; null where it is known.
 *
 * Of several parts the first one is named: the others are listed with the processes.
 */
export function describeInterruption(pipeline: Pipeline | null): string | null {
  const [first] = pipeline?.interruptions ?? [];
  return first === undefined ? null : describe(first);
}

function describe({ part, since }: Interruption): string {
  if (part === 'backlog') return 'The connection is back. What happened meanwhile is being added.';
  const what = WHAT[part] ?? 'A part of the system';
  return `${what} has been interrupted since ${formatClock(since)}.`;
}

/**
 * Why the table empties although nothing is interrupted here: the website sends nothing. Null where it does.
 *
 * @param now the server's time in milliseconds since the epoch
 */
export function describeFeed(pipeline: Pipeline | null, now: number | null): string | null {
  if (pipeline === null || now === null) return null;
  const { state, silentSeconds } = assess(pipeline, now).emitter;
  if (state !== 'disconnected') return null;
  const silence = formatDuration(silentSeconds);
  return `Nothing has arrived from the website for ${silence}. Visitors leave this list when nothing is heard of them.`;
}
