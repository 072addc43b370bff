import type { Freshness } from '../feed/freshness';
import type { Pipeline } from '../feed/status';
import { formatClock } from '../shared/format';
import { t } from '../shared/messages/text';
import { describeFeed, describeInterruption } from './interruption';
import { assessPipeline } from './pipeline';

export type Severity = 'ok' | 'warning' | 'failing';

/** What the page says about itself at first sight. */
export interface Headline {
  /** `warning` if the list is right but not complete, `failing` if it may be out of date. */
  severity: Severity;
  /** One sentence about what it means for the reader. It changes only with the situation, so it can be announced. */
  text: string;
}

/** This many queued messages delay new visitors visibly. */
const MANY_QUEUED = 1_000;

export interface Situation {
  freshness: Freshness;
  /** The displayed time, in milliseconds since the epoch; null before the first frame. */
  now: number | null;
  /** Server time at which the list was last known to be right: that of the last frame, unless the gateway is cut off. */
  asOf: number;
  pipeline: Pipeline | null;
  /** Whether many of the last messages were not understood. */
  outdated: boolean;
}

/** The most important thing to say about a situation. */
export function headlineOf({ freshness, now, asOf, pipeline, outdated }: Situation): Headline {
  const time = formatClock(asOf);
  switch (freshness) {
    case 'connecting':
      return { severity: 'warning', text: t('statusConnecting') };
    case 'stale':
      return { severity: 'failing', text: t('statusStale', { time }) };
    case 'reconnecting':
      return { severity: 'warning', text: t('statusReconnecting', { time }) };
    case 'interrupted': {
      const reason = describeInterruption(pipeline) ?? t('interruptedBacklog');
      return { severity: 'failing', text: t('statusInterrupted', { reason, time }) };
    }
    case 'live':
      return warningOf(pipeline, now, outdated) ?? { severity: 'ok', text: t('statusLive') };
  }
}

function warningOf(pipeline: Pipeline | null, now: number | null, outdated: boolean): Headline | null {
  const warning = (text: string): Headline => ({ severity: 'warning', text });
  if (pipeline === null || now === null) return null;
  const silence = describeFeed(pipeline, now);
  if (silence !== null) return { severity: 'failing', text: silence };
  const { deanonymizer, queued } = assessPipeline(pipeline, now);
  switch (deanonymizer.state) {
    case 'refused':
      return warning(t('statusRefused'));
    case 'exhausted':
      return warning(t('statusExhausted'));
    case 'held back':
      return warning(t('statusNotIdentified'));
    case 'tried again':
    case 'answering':
    case 'unknown':
  }
  if (queued >= MANY_QUEUED) return warning(t('statusLate'));
  return outdated ? warning(t('statusOutdated')) : null;
}
