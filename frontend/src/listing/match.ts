import type { AgeFilter, Query } from '../address/query';
import type { Company, Session } from '../feed/frame';
import { fold } from '../shared/fold';
import { countryName } from '../shared/origin';
import { readable } from '../shared/pageAddress';

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
  const words = fold(query.search).split(/\s+/).filter(Boolean);
  const { company: wanted, known, age, watched } = query;
  const [least, below] = age === 'any' ? [-Infinity, Infinity] : LIMITS[age];
  return ({ company, openedAt }, text, now) => {
    if (wanted !== null && company?.guid !== wanted) return false;
    if (known !== 'all' && (company !== null) !== (known === 'identified')) return false;
    if (watched && (company === null || !isWatched(company))) return false;
    if (age !== 'any' && (Math.max(0, now - openedAt) < least || now - openedAt >= below)) return false;
    return words.every((word) => text.includes(word));
  };
}

/** The text that a search looks at, folded. Callers keep it, because folding costs more than searching. */
export function searchTextOf({ ip, company, contact, network, country, page, referrer }: Session): string {
  const place = country === undefined ? undefined : countryName(country);
  const parts = [ip, company?.name, company?.domain, contact?.name, contact?.title, network, place];
  const visit = [page?.title, page && readable(page.url), referrer && readable(referrer)];
  const all = [...parts, ...visit, ...(contact?.emailAddresses ?? []), ...(contact?.phoneNumbers ?? [])];
  // No word contains a line break, so none matches across two fields.
  return fold(all.filter((part) => part !== undefined).join('\n'));
}
