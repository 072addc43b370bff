import type { AgeFilter, Query } from '../address/query';
import type { Company, Session } from '../feed/frame';
import { normalDomain } from '../shared/domain';
import { countryName } from '../shared/origin';
import { readable } from '../shared/pageAddress';
import { matchesWords, searchTextOf, searchWords } from '../shared/search';

const MINUTE = 60_000;

/** Minimum (inclusive) and maximum time on site of each filter, in milliseconds. */
const LIMITS: Record<Exclude<AgeFilter, 'any'>, readonly [number, number]> = {
  under1m: [0, MINUTE],
  over1m: [MINUTE, Infinity],
  over10m: [10 * MINUTE, Infinity],
  over1h: [60 * MINUTE, Infinity],
};

/** Whether a session is shown at the server's time `now`. */
export type Match = (session: Session, text: string, now: number) => boolean;

/**
 * Compiles the filters of a query.
 *
 * @param isWatched whether a company is on the watchlist
 */
export function matchOf(query: Query, isWatched: (company: Company) => boolean): Match {
  const words = searchWords(query.search);
  const { company: wanted, known, age, reachable, country, network, watched } = query;
  const [least, below] = age === 'any' ? [-Infinity, Infinity] : LIMITS[age];
  return (session, text, now) => {
    const { company, openedAt } = session;
    if (wanted !== null && (company === null || !isCompany(company, wanted))) return false;
    if (known !== 'all' && isKnown(session) !== (known === 'identified')) return false;
    if (reachable && !isReachable(session)) return false;
    if (country !== null && session.country !== country) return false;
    if (network !== null && session.network !== network) return false;
    if (watched && (company === null || !isWatched(company))) return false;
    if (age !== 'any' && (Math.max(0, now - openedAt) < least || now - openedAt >= below)) return false;
    return matchesWords(text, words);
  };
}

/** Whether a company has this GUID or domain. */
function isCompany({ guid, domain }: Company, wanted: string): boolean {
  return guid === wanted || normalDomain(domain) === wanted;
}

/** Whether anything is known about a visitor. */
export function isKnown({ company, contact }: Session): boolean {
  return company !== null || contact !== null;
}

/** Whether a visitor has an email address or a phone number. */
export function isReachable({ contact }: Session): boolean {
  return contact !== null && contact.emailAddresses.length + contact.phoneNumbers.length > 0;
}

/** The text in which a search looks for a visitor. */
export function visitorText({ ip, company, contact, network, country, page, referrer }: Session): string {
  return searchTextOf([
    ip,
    company?.name,
    company?.domain,
    contact?.name,
    contact?.title,
    network,
    country === undefined ? undefined : countryName(country),
    page?.title,
    page && readable(page.url),
    referrer && readable(referrer),
    ...(contact?.emailAddresses ?? []),
    ...(contact?.phoneNumbers ?? []),
  ]);
}
