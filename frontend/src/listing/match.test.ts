import { describe, expect, it } from 'vitest';
import { DEFAULT_QUERY, type Query } from '../address/query';
import type { Session } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { matchOf, visitorText } from './match';

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };
const ines = {
  guid: 'i',
  name: 'Inés Quill',
  title: 'Head of Sales',
  emailAddresses: ['ines@lumen.example'],
  phoneNumbers: ['+1-202-555-0173'],
};

function matches(query: Partial<Query>, session: Partial<Session>, watched = false): boolean {
  const whole = aSession(session);
  return matchOf({ ...DEFAULT_QUERY, ...query }, () => watched)(whole, visitorText(whole), NOW);
}

describe('a search', () => {
  it.each(['lumen', 'LUMEN.EX', 'ines', 'inés', 'quill head', 'sales 203.0', '555-01', 'ines@', ' '])(
    'for %j finds the visitor',
    (search) => {
      expect(matches({ search }, { company: lumen, contact: ines })).toBe(true);
    },
  );

  it.each(['lumens', 'quill varga', 'sonslumen', '203.0.113.8'])(
    'does not find the visitor for %j',
    (search) => {
      expect(matches({ search }, { company: lumen, contact: ines })).toBe(false);
    },
  );

  it.each(['oolong', '/tür', 'search.example tee'])(
    'for %j finds the visitor by page and referrer',
    (search) => {
      const page = { url: 'https://shop.example/t%C3%BCr', title: 'Tee: Oolong' };
      const visit = { page, referrer: 'https://search.example/' };
      expect(matches({ search }, visit)).toBe(true);
      expect(matches({ search }, {})).toBe(false);
    },
  );

  it('finds unknown visitors by IP address', () => {
    expect(matches({ search: '0.113' }, {})).toBe(true);
  });
});

it('filters by company', () => {
  expect(matches({ company: 'l' }, { company: lumen })).toBe(true);
  expect(matches({ company: 'l' }, { company: { ...lumen, guid: 'other' } })).toBe(false);
  expect(matches({ company: 'l' }, {})).toBe(false);
});

it('filters by whether visitors are identified', () => {
  expect(matches({ known: 'identified' }, { company: lumen })).toBe(true);
  expect(matches({ known: 'identified' }, {})).toBe(false);
  expect(matches({ known: 'unidentified' }, { company: lumen })).toBe(false);
  expect(matches({ known: 'unidentified' }, { unidentified: true })).toBe(true);
});

it('filters by the watchlist', () => {
  expect(matches({ watched: true }, { company: lumen }, true)).toBe(true);
  expect(matches({ watched: true }, { company: lumen }, false)).toBe(false);
  expect(matches({ watched: true }, {}, true)).toBe(false);
});

it.each([
  ['under1m', 0, true],
  ['under1m', -500, true],
  ['under1m', 59_999, true],
  ['under1m', 60_000, false],
  ['over1m', 59_999, false],
  ['over1m', 60_000, true],
  ['over10m', 600_000, true],
  ['over10m', 599_999, false],
  ['over1h', 3_600_000, true],
] as const)('%s: a session of %i ms: %s', (age, milliseconds, expected) => {
  expect(matches({ age }, { openedAt: NOW - milliseconds })).toBe(expected);
});
