import type { Session } from '../feed/frame';
import { locale } from './messages/language';

let current: { tag: string; names: Intl.DisplayNames } | null = null;

/** The name of a country, or its code if it has none. */
export function countryName(code: string): string {
  const tag = locale();
  if (current?.tag !== tag) {
    current = { tag, names: new Intl.DisplayNames([tag], { type: 'region', fallback: 'code' }) };
  }
  try {
    return current.names.of(code) ?? code;
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
