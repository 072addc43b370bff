import type { Company, Session } from '../feed/frame';
import { compareBy, movesWhenTouched } from './compare';
import { matchOf, type Match } from './match';
import type { Compare } from './order';
import { type Query, sortOf } from '../address/query';

/** A query made ready to be carried out. */
export interface Plan {
  compare: Compare<Session>;
  movesWhenTouched: boolean;
  matches: Match;
  /** Whether who is shown changes by time alone. */
  ages: boolean;
  grouped: boolean;
  /** The sign of the order of companies by their number of visitors, or 0 where they stand by their first one. */
  byVisitors: -1 | 0 | 1;
  unfolded: ReadonlySet<string>;
  /** The same for all plans that order, or filter, alike. */
  order: string;
  filter: string;
}

/**
 * @param isWatched whether a company is on the watchlist; what it answers may change only with `watchedVersion`
 */
export function planOf(query: Query, isWatched: (company: Company) => boolean, watchedVersion = 0): Plan {
  const sort = sortOf(query);
  const { search, company, known, age, watched, grouped, unfolded } = query;
  return {
    compare: compareBy(sort),
    movesWhenTouched: movesWhenTouched(sort.by),
    matches: matchOf(query, isWatched),
    ages: age !== 'any',
    grouped,
    byVisitors: sort.by !== 'visitors' ? 0 : sort.descending ? -1 : 1,
    unfolded,
    order: JSON.stringify(sort),
    filter: JSON.stringify([search, company, known, age, watched && watchedVersion]),
  };
}
