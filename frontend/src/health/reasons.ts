/** The reasons that processes report, which are always English, in the page's language. */

import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';

/** Why enrichers make no calls (`HeldBack` in enricher/src/lookup/held_back.rs). */
const HELD_BACK: readonly (readonly [RegExp, MessageKey])[] = [
  [/^the Deanonymizer does not answer$/, 'heldBackNoAnswer'],
  [/^the Deanonymizer asked for a pause \(Retry-After\)$/, 'heldBackPause'],
  [
    /^the Deanonymizer refuses calls with status 429: our rate limit or quota is used up$/,
    'heldBackRateLimit',
  ],
  [/^the Deanonymizer answers with status (?<status>\d+)$/, 'heldBackStatus'],
  [/^the lookup budget of (?<budget>\S+) is used up$/, 'heldBackBudget'],
  [/^the Deanonymizer refused our key \(\d+\)$/, 'deanonymizerRefused'],
  [/^our account at the Deanonymizer is exhausted \(\d+\)$/, 'deanonymizerExhausted'],
];

/** The parts of processes that fail most often, as reasons begin with their names. */
const FAILING_PARTS: Readonly<Record<string, MessageKey>> = {
  account: 'partAccount',
  deanonymizer: 'partDeanonymizer',
  emitter: 'partEmitter',
  nats: 'partNats',
  pipeline: 'partPipeline',
  'raw stream': 'partQueue',
  'work queue': 'partQueue',
  'profiles bucket': 'partBucket',
  'secrets bucket': 'partBucket',
};

/** Why no calls are made, in the page's language; null for a reason that this page does not know. */
export function explainHeldBack(reason: string): string | null {
  // A request for a pause may be followed by how the call failed.
  const parts = reason.split('; ').map(explainOne);
  return parts.includes(null) ? null : parts.join('; ');
}

function explainOne(reason: string): string | null {
  for (const [pattern, key] of HELD_BACK) {
    const match = pattern.exec(reason);
    if (match !== null) return t(key, match.groups);
  }
  return null;
}

/** What a process lacks, in the page's language, from a reason such as `nats: not connected; emitter: refused`. */
export function explainNotReady(reason: string | null): string {
  const failing = (reason ?? '').split('; ');
  const known = Object.entries(FAILING_PARTS)
    .filter(([name]) => failing.some((part) => part.startsWith(name)))
    .map(([, key]) => t(key));
  return [...new Set(known)].join(', ') || t('problemNotReady');
}
