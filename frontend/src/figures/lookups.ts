import type { Lookups } from '../feed/status';

/** Visitors who were recognised without a call of their own. */
export function savedCalls({ savedByCache, savedByFleet, savedBySharing }: Lookups): number {
  return savedByCache + savedByFleet + savedBySharing;
}

/** The share of calls that were saved, from 0 to 1; null if none were needed. */
export function savedShare(lookups: Lookups): number | null {
  const saved = savedCalls(lookups);
  const calls = lookups.paid + saved;
  return calls === 0 ? null : saved / calls;
}

/** How visitors were recognised: by paid calls, and by each way of saving one. */
export function shares(lookups: Lookups): (readonly [what: string, visitors: number])[] {
  return [
    ['paid', lookups.paid],
    ['cached', lookups.savedByCache],
    ['fleet', lookups.savedByFleet],
    ['shared', lookups.savedBySharing],
  ];
}
