import type { Interruption, Pipeline } from '../feed/status';
import { formatClock, formatSince } from '../shared/format';
import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';
import { assessPipeline } from './pipeline';

const WHAT: Record<string, MessageKey> = {
  streams: 'interruptedStreams',
  ingestors: 'interruptedWebsite',
  enrichers: 'interruptedIdentification',
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
  if (part === 'backlog') return t('interruptedBacklog');
  return t(WHAT[part] ?? 'interruptedOther', { since: formatClock(since) });
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
  // To the minute, so that the text does not change with each report.
  return t('websiteSilent', { since: formatSince(now - silentSeconds * 1_000, now) });
}
