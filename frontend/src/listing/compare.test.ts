import { expect, it } from 'vitest';
import { COLUMNS, type Sort } from '../address/query';
import type { Session } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { compareBy } from './compare';

const lumen = { guid: 'l', name: 'lumen', domain: 'lumen.example' };
const varga = { guid: 'v', name: 'Varga', domain: 'varga.example' };

function contact(name: string, email: string, phone: string): Partial<Session> {
  return { contact: { guid: name, name, emailAddresses: [email], phoneNumbers: [phone] } };
}

const sessions = [
  aSession({ guid: 'a', ip: '10.0.0.9', openedAt: NOW - 30, lastActivityAt: NOW - 1, company: varga }),
  aSession({ guid: 'b', ip: '10.0.0.10', openedAt: NOW - 20, lastActivityAt: NOW - 3, company: lumen }),
  aSession({
    guid: 'c',
    ip: '10.0.0.2',
    openedAt: NOW - 10,
    lastActivityAt: NOW - 2,
    ...contact('Zoe', 'a@x', '2'),
  }),
  aSession({
    guid: 'd',
    ip: '10.0.0.2',
    openedAt: NOW - 10,
    lastActivityAt: NOW - 2,
    ...contact('ada', 'b@x', '1'),
  }),
];

function order(sort: Sort): string {
  return [...sessions]
    .sort(compareBy(sort))
    .map(({ guid }) => guid)
    .join('');
}

it.each([
  ['company', 'bacd', 'abcd'],
  ['contact', 'dcba', 'cdba'],
  ['email', 'cdba', 'dcba'],
  ['phone', 'dcba', 'cdba'],
  ['ip', 'cdab', 'bacd'],
  ['opened', 'cdba', 'abdc'],
  ['active', 'acdb', 'bcda'],
] as const)('sorts by %s, both ways', (by, ascending, descending) => {
  expect(order({ by, descending: false })).toBe(ascending);
  expect(order({ by, descending: true })).toBe(descending);
});

it('never treats two sessions as equal', () => {
  for (const by of COLUMNS) {
    for (const a of sessions) {
      for (const b of sessions.filter((other) => other !== a)) {
        expect(Math.sign(compareBy({ by, descending: true })(a, b))).not.toBe(0);
      }
    }
  }
});
