import type { Lookups } from '../feed/status';

/** Visitors who were recognised without a call of their own. */
export function savedCalls({ savedByCache, savedByFleet, savedBySharing }: Lookups): number {
  return savedByCache + savedByFleet + savedBySharing;
}

/** Which part of all calls was saved, from 0 to 1; null where there was none to make. */
export function savedShare(lookups: Lookups): number | null {
  const saved = savedCalls(lookups);
  const calls = lookups.paid + saved;
  return calls === 0 ? null : saved / calls;
}

/** How visitors were recognised: by calls that were paid, and by what saved one. */
export function shares(lookups: Lookups): (readonly [what: string, visitors: number])[] {
  return [
    ['paid', lookups.paid],
    ['cached', lookups.savedByCache],
    ['fleet', lookups.savedByFleet],
    ['shared', lookups.savedBySharing],
  ];
}
