import { filterKeyOf, type Query, sortOf } from '../address/query';
import type { Company, Session } from '../feed/frame';
import { compareBy, movesWhenTouched } from './compare';
import { matchOf, type Match } from './match';
import type { Compare } from './order';

/** A query, compiled for the listing. */
export interface Plan {
  compare: Compare<Session>;
  movesWhenTouched: boolean;
  matches: Match;
  /** Whether the filter depends on the time. */
  dependsOnTime: boolean;
  grouped: boolean;
  /** Direction of the order of companies by their number of visitors; 0 if they follow their first visitors. */
  byVisitors: -1 | 0 | 1;
  unfolded: ReadonlySet<string>;
  /** Equal for plans with the same order, or the same filter. */
  orderKey: string;
  filterKey: string;
}

/** @param isWatched whether a company is on the watchlist; its result may change only with `watchedVersion` */
export function makePlan(query: Query, isWatched: (company: Company) => boolean, watchedVersion = 0): Plan {
  const sort = sortOf(query);
  const { age, watched, grouped, unfolded } = query;
  return {
    compare: compareBy(sort),
    movesWhenTouched: movesWhenTouched(sort.by),
    matches: matchOf(query, isWatched),
    dependsOnTime: age !== 'any',
    grouped,
    byVisitors: sort.by !== 'visitors' ? 0 : sort.descending ? -1 : 1,
    unfolded,
    orderKey: JSON.stringify(sort),
    filterKey: `${filterKeyOf(query)} ${watched ? watchedVersion : ''}`,
  };
}
