import {
  type AgeFilter,
  type Column,
  COLUMNS,
  FIXED_COLUMNS,
  type KnownFilter,
  type SortKey,
} from '../address/query';
import type { MessageKey } from '../shared/messages/en';

/** Column headings. */
export const HEADINGS: Record<SortKey, MessageKey> = {
  contact: 'columnContact',
  company: 'columnCompany',
  page: 'columnPage',
  email: 'columnEmail',
  phone: 'columnPhone',
  place: 'columnPlace',
  ip: 'columnIp',
  opened: 'columnOpened',
  active: 'columnActive',
  visitors: 'columnVisitors',
};

/** The width of each column (`grid-template-columns`). */
const WIDTHS: Record<Column, string> = {
  contact: 'minmax(0, 2.1fr)',
  company: 'minmax(0, 2.3fr)',
  page: 'minmax(0, 1.2fr)',
  email: 'minmax(0, 1.8fr)',
  phone: 'minmax(10rem, 1.25fr)',
  place: 'minmax(0, 1.5fr)',
  ip: 'minmax(9.75rem, 1fr)',
  opened: '6.25rem',
  active: '6.75rem',
};

/** The columns of cards, which have no room for others. */
const CARD_COLUMNS: readonly Column[] = [
  'contact',
  'company',
  'page',
  'email',
  'phone',
  'ip',
  'opened',
  'active',
];

/** Where the class of a column's cells is not its name. */
const CLASSES: Partial<Record<Column, string>> = { page: 'seen' };

/** The class of a column's cells. */
export function classOf(column: Column): string {
  return `cell ${CLASSES[column] ?? column}`;
}

/** The columns to show, in their order: without pages as long as no visitor had one. While visitors are grouped, the company's comes first. */
export function shownColumns(
  chosen: ReadonlySet<Column>,
  grouped: boolean,
  asCards: boolean,
  hasPages: boolean,
): readonly Column[] {
  const wanted = asCards
    ? CARD_COLUMNS
    : COLUMNS.filter((column) => FIXED_COLUMNS.includes(column) || chosen.has(column));
  const shown = wanted.filter((column) => column !== 'page' || hasPages);
  return grouped ? ['company', ...shown.filter((column) => column !== 'company')] : shown;
}

/** The widths of the columns. The first has room for the sign that unfolds a group. */
export function widthsOf(columns: readonly Column[], grouped: boolean): string {
  return columns
    .map((column) => (grouped && column === 'company' ? 'minmax(0, 3fr)' : WIDTHS[column]))
    .join(' ');
}

/** Texts of the filters' options. */
export const KNOWN_LABELS: Record<KnownFilter, MessageKey> = {
  all: 'knownAll',
  identified: 'knownIdentified',
  unidentified: 'knownUnidentified',
};

export const AGE_LABELS: Record<AgeFilter, MessageKey> = {
  any: 'ageAny',
  under1m: 'ageUnder1m',
  over1m: 'ageOver1m',
  over10m: 'ageOver10m',
  over1h: 'ageOver1h',
};
