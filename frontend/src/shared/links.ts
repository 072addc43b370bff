/**
 * Links from third-party data. Only values that are clearly what they claim to be become links; others are shown as
 * text.
 */

import { isHost } from './domain';

/** One @ between two parts without white space and without lone surrogates, which cannot be encoded. */
const EMAIL = /^[^\s@\p{Surrogate}]+@[^\s@\p{Surrogate}]+$/u;
const PHONE = /^(?<number>\+?[\d\s().\-/]+?)(?:\s*(?:x|ext\.?|#)\s*(?<extension>\d+))?$/i;
const FEWEST_DIGITS = 3;

/** The URL of a domain's website, or null if it is not a plausible host name. */
export function websiteUrl(domain: string): string | null {
  // The URL parser accepts these, but the link would then lead elsewhere than its text says.
  if (/[\s/\\?#@:%]/.test(domain) || !URL.canParse(`https://${domain}`)) return null;
  const url = new URL(`https://${domain}`);
  return isHost(url.hostname) ? url.href : null;
}

/** The `mailto:` URL of an email address, or null if it does not look like one. */
export function mailtoUrl(email: string): string | null {
  if (!EMAIL.test(email)) return null;
  // Encoded, because a question mark could add a subject, a body or recipients.
  return `mailto:${email.split('@').map(encodeURIComponent).join('@')}`;
}

/** The `tel:` URL of a phone number with its extension, or null if it does not look like one. */
export function telUrl(phone: string): string | null {
  const match = PHONE.exec(phone.trim())?.groups;
  const number = match?.number?.replace(/[^\d+]/g, '') ?? '';
  if (number.length < FEWEST_DIGITS) return null;
  const extension = match?.extension;
  return extension === undefined ? `tel:${number}` : `tel:${number};ext=${extension}`;
}
