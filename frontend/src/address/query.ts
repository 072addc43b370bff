/** What the reader wants to see of the table, and its spelling in the page's address. */

export const COLUMNS = ['company', 'contact', 'email', 'phone', 'ip', 'opened', 'active'] as const;
export type Column = (typeof COLUMNS)[number];

/** `visitors` orders companies by how many of their visitors are there, where the table is grouped. */
export type SortKey = Column | 'visitors';

export interface Sort {
  by: SortKey;
  descending: boolean;
}

export const KNOWN = ['all', 'identified', 'unidentified'] as const;
/** Whether it is known which company a visitor is from. */
export type Known = (typeof KNOWN)[number];

export const AGES = ['any', 'under1m', 'over1m', 'over10m', 'over1h'] as const;
/** How long visitors have been on the site. */
export type Age = (typeof AGES)[number];

export interface Query {
  search: string;
  /** The GUID of the company whose visitors are to be shown, or null for all. */
  company: string | null;
  known: Known;
  age: Age;
  /** Whether only visitors from companies on the watchlist are shown. */
  watched: boolean;
  /** Null for the order that suits the grouping. */
  sort: Sort | null;
  grouped: boolean;
  /** The groups that are unfolded, by the GUID of their company. */
  unfolded: ReadonlySet<string>;
  /** The GUID of the session whose details are shown. */
  visitor: string | null;
}

/** The whole table, newest first. */
export const EVERYTHING: Query = {
  search: '',
  company: null,
  known: 'all',
  age: 'any',
  watched: false,
  sort: null,
  grouped: false,
  unfolded: new Set(),
  visitor: null,
};

/** The order that the table has: the one that was chosen, or the one that suits the grouping. */
export function sortOf({ sort, grouped }: Query): Sort {
  if (sort !== null && (grouped || sort.by !== 'visitors')) return sort;
  return grouped ? { by: 'visitors', descending: true } : { by: 'opened', descending: false };
}

/** Whether some visitors are kept out of sight. */
export function isFiltered({ search, company, known, age, watched }: Query): boolean {
  return search.trim() !== '' || company !== null || known !== 'all' || age !== 'any' || watched;
}

/** The same table with nobody kept out of sight. */
export function withoutFilters(query: Query): Query {
  const { search, company, known, age, watched } = EVERYTHING;
  return { ...query, search, company, known, age, watched };
}

/** Reads a query from an address's parameters; what makes no sense is as if it were not there. */
export function readQuery(parameters: URLSearchParams): Query {
  return {
    search: parameters.get('q') ?? '',
    company: textOrNull(parameters.get('company')),
    known: oneOf(KNOWN, parameters.get('known'), 'all'),
    age: oneOf(AGES, parameters.get('age'), 'any'),
    watched: parameters.get('watched') === 'yes',
    sort: readSort(parameters.get('sort')),
    grouped: parameters.get('group') === 'company',
    unfolded: new Set(parameters.getAll('unfolded')),
    visitor: textOrNull(parameters.get('visitor')),
  };
}

/** Spells a query; what is as usual is left out, so that the whole table has no parameters. */
export function writeQuery(query: Query): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query.search !== '') parameters.set('q', query.search);
  if (query.company !== null) parameters.set('company', query.company);
  if (query.known !== 'all') parameters.set('known', query.known);
  if (query.age !== 'any') parameters.set('age', query.age);
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
