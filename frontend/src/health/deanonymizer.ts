import type { EnricherStatus } from '../feed/status';

/** Why the identification service does not accept our account. */
export type AccountProblem = 'refused' | 'exhausted';

/** The Deanonymizer as the enrichers see it; unknown without an enricher. */
export interface Deanonymizer {
  state: 'answering' | 'tried again' | 'held back' | AccountProblem | 'unknown';
  /** Why no calls are made, in words; each reason once. */
  heldBack: string[];
}

/**
 * Summarizes what the enrichers report. The Deanonymizer answers only if all of them say so: otherwise some visitors
 * are waiting.
 */
export function assessDeanonymizer(enrichers: EnricherStatus[]): Deanonymizer {
  // A half-open breaker holds back all calls except its trial call. That is not an additional failure.
  const settled = enrichers.filter(({ breaker }) => breaker !== 'half-open');
  const reasons = settled.map(({ lookupsHeldBack }) => lookupsHeldBack).filter((reason) => reason !== null);
  const heldBack = [...new Set(reasons)];
  const account = assessAccount(enrichers);
  if (account !== null) return { state: account, heldBack };
  return { state: stateOf(enrichers, heldBack), heldBack };
}

/** What is wrong with our account, if all enrichers agree. */
export function assessAccount(enrichers: EnricherStatus[]): AccountProblem | null {
  const [first, ...others] = enrichers.map(accountOf);
  return first !== undefined && others.every((other) => other === first) ? first : null;
}

/** What is wrong with our account; unknown states of another release count as no problem. */
export function accountOf({ account }: EnricherStatus): AccountProblem | null {
  return account === 'refused' || account === 'exhausted' ? account : null;
}

function stateOf(enrichers: EnricherStatus[], heldBack: string[]): Deanonymizer['state'] {
  if (enrichers.length === 0) return 'unknown';
  if (heldBack.length > 0) return 'held back';
  // An open breaker that holds nothing back makes a trial call next.
  return enrichers.every(({ breaker }) => breaker === 'closed') ? 'answering' : 'tried again';
}
