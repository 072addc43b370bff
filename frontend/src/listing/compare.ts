import type { Column, Sort, SortKey } from '../address/query';
import type { Session } from '../feed/frame';
import { compareTexts } from '../shared/collate';
import { pathOf } from '../shared/pageAddress';
import { originOf } from '../shared/origin';
import type { Compare } from './order';

/** The text that each column is sorted by. */
const TEXTS: Record<Exclude<Column, 'opened' | 'active'>, (session: Session) => string> = {
  company: ({ company }) => company?.name ?? '',
  contact: ({ contact }) => contact?.name ?? '',
  email: ({ contact }) => contact?.emailAddresses[0] ?? '',
  phone: ({ contact }) => contact?.phoneNumbers[0] ?? '',
  place: (session) => originOf(session) ?? '',
  ip: ({ ip }) => ip,
  page: ({ page }) => (page ? pathOf(page.url) : ''),
};

/** Whether the order depends on the last activity. */
export function movesWhenTouched(by: SortKey): boolean {
  return by === 'active';
}

/**
 * Compares sessions. Times are sorted as displayed, as durations, so ascending means newest first. Sessions without a
 * value come last in either direction, and equal ones are sorted newest first.
 */
export function compareBy({ by, descending }: Sort): Compare<Session> {
  const sign = descending ? -1 : 1;
  // `groupByCompany` orders the companies; within each, visitors are sorted newest first.
  if (by === 'visitors') return newestFirst;
  if (by === 'opened') return (a, b) => newestFirst(a, b) * sign;
  if (by === 'active') return (a, b) => (b.lastActivityAt - a.lastActivityAt) * sign || newestFirst(a, b);
  const textOf = TEXTS[by];
  return (a, b) => compareKnown(textOf(a), textOf(b), sign) || newestFirst(a, b);
}

function compareKnown(a: string, b: string, sign: number): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  return compareTexts(a, b) * sign;
}

function newestFirst(a: Session, b: Session): number {
  return b.openedAt - a.openedAt || (a.guid < b.guid ? -1 : Number(a.guid > b.guid));
}
