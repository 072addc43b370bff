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

/** What makes a spreadsheet take a cell for a formula, in its wide forms too. */
const FORMULA = /^[\s\p{Control}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u;

/** With it, Excel reads the rest as UTF-8. */
const BYTE_ORDER_MARK = '\uFEFF';

/** Sessions as comma-separated values (RFC 4180) for spreadsheets; times are ISO 8601, in UTC. */
export function csvOf(sessions: readonly Session[]): string {
  const lines = [HEADINGS, ...sessions.map(cellsOf)].map((cells) => cells.map(cell).join(','));
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

/**
 * Names come from strangers, and a spreadsheet would run `=HYPERLINK(…)` as a formula: an apostrophe in front makes
 * it text. Phone numbers with a plus get one too, and are then kept as they are spelled.
 */
function cell(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n;]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
