import type { EnricherStatus } from '../feed/status';

/** The Deanonymizer as the enrichers see it; unknown where none tells. */
export interface Deanonymizer {
  state: 'answering' | 'tried again' | 'held back' | 'unknown';
  /** Why no calls are made, in words; each reason once. */
  heldBack: string[];
}

/**
 * Sums up what the enrichers that do their job say. It answers only where all of them say so: where it does not
 * for one, some visitors wait.
 */
export function assessDeanonymizer(enrichers: EnricherStatus[]): Deanonymizer {
  // An enricher that is just trying holds all other calls back, which is no reason to worry anew.
  const settled = enrichers.filter(({ breaker }) => breaker !== 'half-open');
  const reasons = settled.map(({ lookupsHeldBack }) => lookupsHeldBack).filter((reason) => reason !== null);
  const heldBack = [...new Set(reasons)];
  return { state: stateOf(enrichers, heldBack), heldBack };
}

function stateOf(enrichers: EnricherStatus[], heldBack: string[]): Deanonymizer['state'] {
  if (enrichers.length === 0) return 'unknown';
  if (heldBack.length > 0) return 'held back';
  // An open breaker that holds nothing back lets the next call try.
  return enrichers.every(({ breaker }) => breaker === 'closed') ? 'answering' : 'tried again';
}
