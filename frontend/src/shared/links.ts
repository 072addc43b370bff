/**
 * Links made of what third parties told about a visitor. Each is made only of something that is plainly what
 * it claims to be: anything else is shown as text.
 */

/** Labels of letters, digits and inner hyphens, the last one of letters (or an encoded international one). */
const HOST = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?:[a-z]{2,63}|xn--[a-z\d-]{1,59})$/;
/** One @ between two parts without blanks and without halves of characters, which cannot be encoded. */
const EMAIL = /^[^\s@\p{Surrogate}]+@[^\s@\p{Surrogate}]+$/u;
const PHONE = /^(?<number>\+?[\d\s().\-/]+?)(?:\s*(?:x|ext\.?|#)\s*(?<extension>\d+))?$/i;
const FEWEST_DIGITS = 3;

/** The address of the website of `domain`, or null if that is no plausible host name. */
export function websiteUrl(domain: string): string | null {
  // The parser would quietly accept these, and the link would lead elsewhere than it reads.
  if (/[\s/\\?#@:%]/.test(domain) || !URL.canParse(`https://${domain}`)) return null;
  const url = new URL(`https://${domain}`);
  return HOST.test(url.hostname) ? url.href : null;
}

/** The `mailto:` address of an email address, or null if it does not look like one. */
export function mailtoUrl(email: string): string | null {
  if (!EMAIL.test(email)) return null;
  // Encoded, since a question mark in it could add a subject, a text or recipients.
  return `mailto:${email.split('@').map(encodeURIComponent).join('@')}`;
}

/** The `tel:` address of a phone number, its extension included, or null if it does not look like one. */
export function telUrl(phone: string): string | null {
  const match = PHONE.exec(phone.trim())?.groups;
  const number = match?.number?.replace(/[^\d+]/g, '') ?? '';
  if (number.length < FEWEST_DIGITS) return null;
  const extension = match?.extension;
  return extension === undefined ? `tel:${number}` : `tel:${number};ext=${extension}`;
}
