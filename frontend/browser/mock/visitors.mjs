// Visitors for the mock gateway: made up, and the same ones for the same seed.

/** @typedef {import('../../src/feed/frame').Company} Company */
/** @typedef {import('../../src/feed/frame').Contact} Contact */
/** @typedef {import('../../src/feed/frame').Session} Session */
/** A generator of numbers from 0 to 1. @typedef {() => number} Random */

const FIRST = [
  'Ada',
  'Bruno',
  'Chiara',
  'Dmitri',
  'Elif',
  'Farid',
  'Greta',
  'Hugo',
  'Inés',
  'Jun',
  'Katya',
  'Liam',
];
const LAST = ['Quill', 'Okafor', 'Lindqvist', 'Moreau', 'Tanaka', 'Varga', 'Whitlock', 'Ybarra', 'Zielinski'];
const TITLES = [
  'Head of Sales',
  'Chief Technology Officer',
  'Buyer',
  'Senior Regional Operations Coordinator',
];
const TRADES = ['Freight', 'Optics', 'Foods', 'Robotics', 'Textiles', 'Analytics', 'Marine', 'Ceramics'];
const FORMS = ['& Sons', 'Group', 'GmbH', 'Ltd', 'International Holdings'];

/**
 * A seeded random number generator (mulberry32).
 *
 * @param {number} seed
 * @returns {Random}
 */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A visitor who came `ago` milliseconds ago; how much is known about the visitor varies.
 *
 * @param {Random} chance
 * @returns {Session}
 */
export function makeVisitor(chance, ago = 0) {
  const openedAt = Date.now() - ago;
  const company = chance() < 0.8 ? makeCompany(chance) : null;
  return {
    guid: makeGuid(chance),
    ip: chance() < 0.25 ? makeIpv6(chance) : `203.0.113.${Math.floor(chance() * 256)}`,
    openedAt,
    lastActivityAt: openedAt + Math.floor(chance() * Math.min(ago, 30_000)),
    company,
    contact: company !== null && chance() < 0.85 ? makeContact(chance, company.domain) : null,
  };
}

/**
 * Some companies send more visitors than others.
 *
 * @param {Random} chance
 * @returns {Company}
 */
function makeCompany(chance) {
  const skewed = () => chance() ** 1.8;
  const last = pick(skewed, LAST);
  const trade = pick(skewed, TRADES);
  const name = `${last} ${trade} ${FORMS[(last.length + trade.length) % FORMS.length]}`;
  return { guid: `company-${name}`, name, domain: `${last}-${trade}.example`.toLowerCase() };
}

/**
 * @param {Random} chance
 * @param {string} domain
 */
function makeContact(chance, domain) {
  const first = pick(chance, FIRST);
  const last = pick(chance, LAST);
  /** @type {Contact} */
  const contact = {
    guid: makeGuid(chance),
    name: `${first} ${last}`,
    emailAddresses: [`${first}.${last}@${domain}`, `${last}@sales.${domain}`, `hello@${domain}`].map(
      (email) => email.toLowerCase(),
    ),
    phoneNumbers: [`+1-202-555-01${digits(chance)}`, `(202) 555-01${digits(chance)} x4821`],
  };
  contact.emailAddresses.length = Math.floor(chance() * 3.4);
  contact.phoneNumbers.length = Math.floor(chance() * 2.5);
  if (chance() < 0.8) contact.title = pick(chance, TITLES);
  return contact;
}

/** Two digits. @param {Random} chance */
function digits(chance) {
  return `${Math.floor(10 + chance() * 90)}`;
}

/** @param {Random} chance */
function makeGuid(chance) {
  return Array.from({ length: 32 }, () => Math.floor(chance() * 16).toString(16)).join('');
}

/** @param {Random} chance */
function makeIpv6(chance) {
  const groups = Array.from({ length: 6 }, () => Math.floor(chance() * 0x10000).toString(16));
  return `2001:db8:${groups.join(':')}`;
}

/**
 * @template T
 * @param {Random} chance
 * @param {readonly T[]} choices
 */
function pick(chance, choices) {
  return /** @type {T} */ (choices[Math.floor(chance() * choices.length)]);
}
