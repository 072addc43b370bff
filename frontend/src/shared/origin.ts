import type { Session } from '../feed/frame';

const COUNTRIES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

/** The name of a country, or its code if it has none. */
export function countryName(code: string): string {
  try {
    return COUNTRIES.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Network and country of a visitor's address in one line, or null if neither is known. */
export function originOf({ network, country }: Session): string | null {
  const parts = [network, country === undefined ? undefined : countryName(country)];
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? null : known.join(' · ');
}
