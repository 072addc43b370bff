import { locale } from './messages/language';
import { t } from './messages/text';

/** Stands for a missing value. */
export const NOTHING = '–';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The formats of one locale. */
function makeFormats(tag: string) {
  return {
    counts: new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }),
    rates: new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    hundredths: new Intl.NumberFormat(tag, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    /** By currency. */
    money: new Map<string, Intl.NumberFormat>(),
    // Rounded down, so that 100% is never shown before it is true.
    shares: new Intl.NumberFormat(tag, {
      style: 'percent',
      maximumFractionDigits: 0,
      roundingMode: 'floor',
    }),
    times: new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium' }),
    minutes: new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' }),
    dates: new Intl.DateTimeFormat(tag, {
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
    }),
    clock: new Intl.DateTimeFormat(tag, { timeStyle: 'medium' }),
    units: [t('unitDays'), t('unitHours'), t('unitMinutes'), t('unitSeconds')] as const,
  };
}

let current: { tag: string; formats: ReturnType<typeof makeFormats> } | null = null;

function formats(): ReturnType<typeof makeFormats> {
  const tag = locale();
  if (current?.tag !== tag) current = { tag, formats: makeFormats(tag) };
  return current.formats;
}

export function formatCount(count: number): string {
  return formats().counts.format(count);
}

/** Always with two decimals, so that a mean that changes keeps its width. */
export function formatAverage(average: number): string {
  return formats().hundredths.format(average);
}

/** Events per second; from ten on the tenths are noise, and there is no room for them. */
export function formatRate(rate: number): string {
  return rate === 0 || rate >= 10 ? formatCount(rate) : formats().rates.format(rate);
}

/**
 * An amount of money.
 *
 * @param currency its ISO 4217 code, or null where the operator does not name it
 */
export function formatMoney(amount: number, currency: string | null): string {
  if (currency === null) return formats().hundredths.format(amount);
  const { money } = formats();
  const format = money.get(currency) ?? new Intl.NumberFormat(locale(), { style: 'currency', currency });
  money.set(currency, format);
  return format.format(amount);
}

/** A share from 0 to 1, as a percentage. */
export function formatShare(share: number): string {
  return formats().shares.format(share);
}

/** Date and time in the reader's time zone, of milliseconds since the epoch. */
export function formatTime(at: number): string {
  return formats().times.format(at);
}

/** Time of day in the reader's time zone, of milliseconds since the epoch. */
export function formatClock(at: number): string {
  return formats().clock.format(at);
}

/** A point in time, to the minute: the time alone where it is on the same day as `now`. */
export function formatSince(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? formats().minutes : formats().dates).format(at);
}

/**
 * A duration, to the second up to a day: `7s`, `4m 07s`, `3h 04m 07s`, `2d 03h 04m`. A negative one, since clocks
 * differ slightly, is `0s`.
 */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const { units } = formats();
  const parts = [
    `${Math.floor(whole / DAY)}${units[0]}`,
    `${two(Math.floor((whole % DAY) / HOUR))}${units[1]}`,
    `${two(Math.floor((whole % HOUR) / MINUTE))}${units[2]}`,
    `${two(whole % MINUTE)}${units[3]}`,
  ];
  const first = whole >= DAY ? 0 : whole >= HOUR ? 1 : whole >= MINUTE ? 2 : 3;
  return parts
    .slice(first, first + 3)
    .join(' ')
    .replace(/^0(?=\d)/, '');
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
