import { toUnicode } from 'punycode/punycode.js';

/** Labels of letters, digits and inner hyphens; the last one of letters, or an encoded international one. */
const HOST = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?:[a-z]{2,63}|xn--[a-z\d-]{1,59})$/;
const PLAIN = /^[a-z\d.-]+$/;

/**
 * One spelling for all spellings of a domain: lower case, international names encoded (`xn--`), without `www.` and a
 * final dot. Accepts a pasted web address or email address. A text that is not a domain stays as it is.
 */
export function normalDomain(text: string): string {
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/^(?:https?:\/\/|mailto:)/, '')
    .replace(/[/?#].*$/, '')
    .replace(/^.*@/, '')
    .replace(/^www\./, '')
    .replace(/\.$/, '');
  return PLAIN.test(bare) ? bare : encoded(bare);
}

/** A domain as people write it: international names decoded. */
export function readableDomain(domain: string): string {
  try {
    return toUnicode(domain);
  } catch {
    return domain;
  }
}

/** Whether a normal domain can be one of a company. */
export function isHost(domain: string): boolean {
  return HOST.test(domain);
}

/** What identifies a company in an address that is shared: its domain, which outlives its GUID, if it has one. */
export function addressOf({ guid, domain }: { guid: string; domain: string }): string {
  const normal = normalDomain(domain);
  return isHost(normal) ? normal : guid;
}

/** As in a URL. A text with a character that is a delimiter in URLs is not a host name, and stays as it is. */
function encoded(domain: string): string {
  if (/[\s:\\%]/.test(domain) || !URL.canParse(`https://${domain}`)) return domain;
  return new URL(`https://${domain}`).hostname;
}
