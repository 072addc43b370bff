import { countryName } from '../shared/origin';
import type { Company, Session } from '../feed/frame';
import type { Age, Query } from '../address/query';

const MINUTE = 60_000;

/** For how long, in milliseconds, visitors of each age have been on the site: at least, and less than. */
const LIMITS: Record<Exclude<Age, 'any'>, readonly [number, number]> = {
  under1m: [0, MINUTE],
  over1m: [MINUTE, Infinity],
  over10m: [10 * MINUTE, Infinity],
  over1h: [60 * MINUTE, Infinity],
};

/** Whether a session is to be shown at the server's time `now`. */
export type Match = (session: Session, text: string, now: number) => boolean;

/**
 * The rule of who is shown.
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

/** All that is searched of a session, folded; to be kept, since making it costs more than searching it. */
export function searchTextOf({ ip, company, contact, network, country }: Session): string {
  const place = country === undefined ? undefined : countryName(country);
  const parts = [ip, company?.name, company?.domain, contact?.name, contact?.title, network, place];
  const all = [...parts, ...(contact?.emailAddresses ?? []), ...(contact?.phoneNumbers ?? [])];
  // A line break is in no word, so that none is found across two of them.
  return fold(all.filter((part) => part !== undefined).join('\n'));
}

/** Without case and accents: `ines` finds Inés. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
}
