/** Stands for a missing value. */
export const NOTHING = '–';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The languages of the reader's browser. */
const locale = typeof navigator === 'undefined' ? undefined : navigator.languages;
const counts = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const averages = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 2 });
const rates = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const amounts = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
// Rounded down, so that 100% is never shown before it is true.
const shares = new Intl.NumberFormat(locale, {
  style: 'percent',
  maximumFractionDigits: 0,
  roundingMode: 'floor',
});
const times = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const minutes = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const dates = new Intl.DateTimeFormat(locale, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });

export function formatCount(count: number): string {
  return counts.format(count);
}

export function formatAverage(average: number): string {
  return averages.format(average);
}

/** Events per second. */
export function formatRate(rate: number): string {
  return rate === 0 ? '0' : rates.format(rate);
}

/** An amount of money; only the operator knows the currency. */
export function formatMoney(amount: number): string {
  return amounts.format(amount);
}

/** A share from 0 to 1, as a percentage. */
export function formatShare(share: number): string {
  return shares.format(share);
}

/** Date and time in the reader's time zone, of milliseconds since the epoch. */
export function formatTime(at: number): string {
  return times.format(at);
}

/** Time of day in the reader's time zone, of milliseconds since the epoch. */
export function formatClock(at: number): string {
  return clock.format(at);
}

/** A point in time, to the minute: the time alone where it is on the same day as `now`. */
export function formatSince(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? minutes : dates).format(at);
}

/**
 * A duration, to the second up to a day: `7s`, `4m 07s`, `3h 04m 07s`, `2d 03h 04m`. A negative one, since clocks
 * differ slightly, is `0s`.
 */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    `${Math.floor(whole / DAY)}d`,
    `${two(Math.floor((whole % DAY) / HOUR))}h`,
    `${two(Math.floor((whole % HOUR) / MINUTE))}m`,
    `${two(whole % MINUTE)}s`,
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
