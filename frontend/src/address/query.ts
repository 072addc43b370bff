/** What the reader wants to see in the table, and how it is written in the page's address. */

/** In the order in which they are shown. */
export const COLUMNS = [
  'contact',
  'company',
  'page',
  'email',
  'phone',
  'place',
  'ip',
  'opened',
  'active',
] as const;
export type Column = (typeof COLUMNS)[number];

/** The columns that are always shown. */
export const FIXED_COLUMNS: readonly Column[] = ['contact', 'company'];
/** The columns that are shown unless the reader chooses others. */
export const DEFAULT_COLUMNS: readonly Column[] = COLUMNS.filter((column) => column !== 'place');

/** `visitors` orders companies by their number of visitors; it exists only while the table is grouped. */
export type SortKey = Column | 'visitors';

export interface Sort {
  by: SortKey;
  descending: boolean;
}

export const KNOWN = ['all', 'identified', 'unidentified'] as const;
/** Filter by whether anything is known about the visitor: the company or the contact. */
export type KnownFilter = (typeof KNOWN)[number];

export const AGES = ['any', 'under1m', 'over1m', 'over10m', 'over1h'] as const;
/** Filter by the time on site. */
export type AgeFilter = (typeof AGES)[number];

export interface Query {
  search: string;
  /** GUID or domain of the only company whose visitors are shown, or null for all. */
  company: string | null;
  known: KnownFilter;
  age: AgeFilter;
  /** Shows only visitors with an email address or a phone number. */
  reachable: boolean;
  /** Code of the only country that is shown (ISO 3166-1 alpha-2), or null for all. */
  country: string | null;
  /** The only network that is shown, or null for all. */
  network: string | null;
  /** Shows only visitors from companies on the watchlist. */
  watched: boolean;
  /** Null for the default order, which depends on the grouping. */
  sort: Sort | null;
  grouped: boolean;
  /** GUIDs of the companies whose groups are expanded. */
  unfolded: ReadonlySet<string>;
  /** GUID of the session whose details are shown. */
  visitor: string | null;
}

/** All visitors, the newest first. */
export const DEFAULT_QUERY: Query = {
  search: '',
  company: null,
  known: 'all',
  age: 'any',
  reachable: false,
  country: null,
  network: null,
  watched: false,
  sort: null,
  grouped: false,
  unfolded: new Set(),
  visitor: null,
};

/** The chosen order, or the default of the grouping. */
export function sortOf({ sort, grouped }: Query): Sort {
  if (sort !== null && (grouped || sort.by !== 'visitors')) return sort;
  return grouped ? { by: 'visitors', descending: true } : { by: 'opened', descending: false };
}

/** The parts of a query that filter. */
function filtersOf({ search, company, known, age, reachable, country, network, watched }: Query) {
  return { search, company, known, age, reachable, country, network, watched };
}

/** Equal for queries with the same filters. */
export function filterKeyOf(query: Query): string {
  return JSON.stringify(filtersOf(query));
}

/** Whether any filter is active. */
export function isFiltered(query: Query): boolean {
  return filterKeyOf({ ...query, search: query.search.trim() }) !== filterKeyOf(DEFAULT_QUERY);
}

/** The same query without filters. */
export function withoutFilters(query: Query): Query {
  return { ...query, ...filtersOf(DEFAULT_QUERY) };
}

/** Reads a query from an address's parameters; invalid values count as missing. */
export function readQuery(parameters: URLSearchParams): Query {
  return {
    search: parameters.get('q') ?? '',
    company: textOrNull(parameters.get('company')),
    known: oneOf(KNOWN, parameters.get('known'), 'all'),
    age: oneOf(AGES, parameters.get('age'), 'any'),
    reachable: parameters.get('reachable') === 'yes',
    country: textOrNull(parameters.get('country')),
    network: textOrNull(parameters.get('network')),
    watched: parameters.get('watched') === 'yes',
    sort: readSort(parameters.get('sort')),
    grouped: parameters.get('group') === 'company',
    unfolded: new Set(parameters.getAll('unfolded')),
    visitor: textOrNull(parameters.get('visitor')),
  };
}

/** Writes a query as an address's parameters. Defaults are omitted, so an unfiltered table has a plain address. */
export function writeQuery(query: Query): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query.search !== '') parameters.set('q', query.search);
  if (query.company !== null) parameters.set('company', query.company);
  if (query.known !== 'all') parameters.set('known', query.known);
  if (query.age !== 'any') parameters.set('age', query.age);
  if (query.reachable) parameters.set('reachable', 'yes');
  if (query.country !== null) parameters.set('country', query.country);
  if (query.network !== null) parameters.set('network', query.network);
  if (query.watched) parameters.set('watched', 'yes');
  if (query.sort !== null) parameters.set('sort', `${query.sort.descending ? '-' : ''}${query.sort.by}`);
  if (query.grouped) {
    parameters.set('group', 'company');
    for (const company of query.unfolded) parameters.append('unfolded', company);
  }
  if (query.visitor !== null) parameters.set('visitor', query.visitor);
  return parameters;
}

function readSort(text: string | null): Sort | null {
  const by = text?.replace(/^-/, '');
  if (by !== 'visitors' && !isOneOf(COLUMNS, by)) return null;
  return { by, descending: text?.startsWith('-') ?? false };
}

function textOrNull(text: string | null): string | null {
  return text === '' ? null : text;
}

function oneOf<T extends string>(choices: readonly T[], text: string | null, otherwise: T): T {
  return isOneOf(choices, text) ? text : otherwise;
}

function isOneOf<T extends string>(choices: readonly T[], text: unknown): text is T {
  return (choices as readonly unknown[]).includes(text);
}
