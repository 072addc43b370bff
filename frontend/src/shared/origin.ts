import type { Session } from '../feed/frame';

const COUNTRIES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

/** The name of a country, or its code where it has none. */
export function countryName(code: string): string {
  try {
    return COUNTRIES.of(code) ?? code;
  } catch {
    return code;
  }
}

/** What the address tells of where a visitor comes from, in one line. */
export function originOf({ network, country }: Session): string | null {
  const parts = [network, country === undefined ? undefined : countryName(country)];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? null : known.join(' · ');
}
