import { normalDomain, readableDomain } from './domain';
import { fold } from './fold';

/** A word that stands for a phone number: digits, and what separates them. */
const PHONE = /^\+?[\d\s().\-/]{4,}$/;
const IPV6 = /^[\da-f:.]*:[\da-f:.]*$/;

/**
 * The text that a search looks at, made of several parts; null parts count as missing. Callers keep it, because
 * building it costs more than searching it.
 */
export function searchTextOf(parts: readonly (string | null | undefined)[]): string {
  const all = parts.filter((part) => part !== null && part !== undefined);
  // No word contains a line break, so none matches across two parts.
  return all.flatMap(spellingsOf).join('\n');
}

/** The words of a search, all of which must be in a text of `searchTextOf`. */
export function searchWords(search: string): readonly string[] {
  const whole = search.trim();
  // A phone number may be typed with blanks in it.
  if (PHONE.test(whole) && digitsOf(whole).length >= 4 && !isIpv4(whole)) return [digitsOf(whole)];
  return fold(whole)
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => (IPV6.test(word) ? normalIpv6(word) : word));
}

/** Whether all words are in a text. */
export function matchesWords(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word));
}

/** The spellings under which a part is found. */
function spellingsOf(part: string): string[] {
  const folded = fold(part);
  const spellings = [folded];
  if (IPV6.test(folded)) spellings.push(normalIpv6(folded));
  if (PHONE.test(part) && !isIpv4(part)) spellings.push(digitsOf(part));
  if (/xn--/i.test(part)) spellings.push(fold(readableDomain(part.toLowerCase())));
  else if (/^\S+\.\S+$/.test(part) && /[^\u0020-\u007E]/.test(part)) spellings.push(normalDomain(part));
  return [...new Set(spellings)];
}

/** Without the prefixes that mean "international": `+49` and `0049` are the same. */
function digitsOf(phone: string): string {
  return phone.replace(/\D/g, '').replace(/^00/, '');
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(?:\.\d{0,3}){1,3}$/.test(text.trim());
}

/** The canonical spelling of a whole address (RFC 5952); of a part of one, that without leading zeros. */
function normalIpv6(text: string): string {
  try {
    return new URL(`http://[${text}]`).hostname.slice(1, -1);
  } catch {
    return text.replace(/(^|:)0+(?=[\da-f])/g, '$1');
  }
}
