import type { Session } from '../feed/frame';
import { t } from '../shared/messages/text';
import { countryName } from '../shared/origin';

/** Characters that start a formula in spreadsheets, including their full-width forms. */
const FORMULA = /^[\s\p{Control}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u;
/** International phone numbers begin with a plus, but have nothing that a spreadsheet could run. */
const PHONE = /^\+\d[\d\s().\-/]*(?:(?:; | x)\+?\d[\d\s().\-/]*)*$/;

/** Tells Excel that the file is UTF-8. */
const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Sessions as comma-separated values (RFC 4180). Times are local ones with their offset (ISO 8601), and the headings
 * name the time zone.
 */
export function csvOf(sessions: readonly Session[]): string {
  const withVisits = sessions.some(({ page, referrer }) => page !== undefined || referrer !== undefined);
  const rows = sessions.map((session) => [...cellsOf(session), ...(withVisits ? visitOf(session) : [])]);
  const lines = [headings(withVisits), ...rows].map((cells) => cells.map(cell).join(','));
  return `${BYTE_ORDER_MARK}${lines.join('\r\n')}\r\n`;
}

/** @param withVisits adds the columns for websites that report pages and referrers */
function headings(withVisits: boolean): string[] {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [
    t('columnCompany'),
    t('csvDomain'),
    t('columnContact'),
    t('csvTitle'),
    t('csvEmails'),
    t('csvPhones'),
    t('columnIp'),
    t('csvCountry'),
    t('csvNetwork'),
    t('csvOpened', { zone }),
    t('csvActive', { zone }),
    ...(withVisits ? [t('columnPage'), t('csvPageTitle'), t('cameFrom')] : []),
  ];
}

function cellsOf({ company, contact, ip, country, network, openedAt, lastActivityAt }: Session): string[] {
  return [
    company?.name ?? '',
    company?.domain ?? '',
    contact?.name ?? '',
    contact?.title ?? '',
    contact?.emailAddresses.join('; ') ?? '',
    contact?.phoneNumbers.join('; ') ?? '',
    ip,
    country === undefined ? '' : countryName(country),
    network ?? '',
    localTime(openedAt),
    localTime(lastActivityAt),
  ];
}

function visitOf({ page, referrer }: Session): string[] {
  return [page?.url ?? '', page?.title ?? '', referrer ?? ''];
}

/** Such as `2026-03-01T09:30:00+01:00`. */
function localTime(at: number): string {
  const offset = -new Date(at).getTimezoneOffset();
  const local = new Date(at + offset * 60_000).toISOString().slice(0, 19);
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const two = (number: number) => String(number).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}

/** Names come from third parties, and a spreadsheet would run `=HYPERLINK(…)`: a leading apostrophe makes it text. */
function cell(text: string): string {
  const harmless = FORMULA.test(text) && !PHONE.test(text) ? `'${text}` : text;
  return /[",\r\n;]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
