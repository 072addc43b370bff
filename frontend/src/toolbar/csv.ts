import type { Session } from '../feed/frame';

const HEADINGS = [
  'Company',
  'Domain',
  'Contact',
  'Title',
  'Email addresses',
  'Phone numbers',
  'IP address',
  'On site since',
  'Last active',
];

/** Of visitors of a website that tells pages and referrers. */
const VISIT_HEADINGS = ['Page', 'Page title', 'Came from'];

/** What spreadsheets take for a formula, including the full-width characters. */
const FORMULA = /^[\s\p{Control}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u;

/** Tells Excel that the file is UTF-8. */
const BYTE_ORDER_MARK = '\uFEFF';

/** Sessions as comma-separated values (RFC 4180); times are ISO 8601 in UTC. */
export function csvOf(sessions: readonly Session[]): string {
  const withVisits = sessions.some(({ page, referrer }) => page !== undefined || referrer !== undefined);
  const rows = sessions.map((session) => [...cellsOf(session), ...(withVisits ? visitOf(session) : [])]);
  const headings = withVisits ? [...HEADINGS, ...VISIT_HEADINGS] : HEADINGS;
  const lines = [headings, ...rows].map((cells) => cells.map(cell).join(','));
  return `${BYTE_ORDER_MARK}${lines.join('\r\n')}\r\n`;
}

function cellsOf({ company, contact, ip, openedAt, lastActivityAt }: Session): string[] {
  return [
    company?.name ?? '',
    company?.domain ?? '',
    contact?.name ?? '',
    contact?.title ?? '',
    contact?.emailAddresses.join('; ') ?? '',
    contact?.phoneNumbers.join('; ') ?? '',
    ip,
    new Date(openedAt).toISOString(),
    new Date(lastActivityAt).toISOString(),
  ];
}

function visitOf({ page, referrer }: Session): string[] {
  return [page?.url ?? '', page?.title ?? '', referrer ?? ''];
}

/**
 * Names come from third parties, and a spreadsheet would run `=HYPERLINK(…)`: a leading apostrophe makes it text. It
 * also keeps phone numbers with a plus as they are written.
 */
function cell(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n;]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
