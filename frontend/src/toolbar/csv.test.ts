import { expect, it } from 'vitest';
import { aSession } from '../testing/samples';
import { csvOf } from './csv';

function row(name: string, rest: { emails?: string[]; phones?: string[] } = {}): string {
  const session = aSession({
    openedAt: 0,
    lastActivityAt: 1_000,
    company: { guid: 'c', name, domain: 'lumen.example' },
    contact: {
      guid: 'p',
      name: 'Ada Quill',
      emailAddresses: rest.emails ?? [],
      phoneNumbers: rest.phones ?? [],
    },
  });
  return csvOf([session]).split('\r\n')[1] ?? '';
}

it('has headings and a byte order mark', () => {
  const [headings, first, end] = csvOf([aSession({ openedAt: 0, lastActivityAt: 1_500 })]).split('\r\n');
  expect(headings).toBe(
    '\uFEFFCompany,Domain,Contact,Title,Email addresses,Phone numbers,IP address,On site since,Last active',
  );
  expect(first).toBe(',,,,,,203.0.113.7,1970-01-01T00:00:00.000Z,1970-01-01T00:00:01.500Z');
  expect(end).toBe('');
});

it('has columns for page and referrer where a visitor has one', () => {
  const page = { url: 'https://shop.example/tea', title: '=Tea' };
  const [headings, first, second] = csvOf([
    aSession({ page, referrer: 'https://search.example/' }),
    aSession(),
  ]).split('\r\n');
  expect(headings).toMatch(/,Last active,Page,Page title,Came from$/);
  expect(first).toMatch(/Z,https:\/\/shop\.example\/tea,'=Tea,https:\/\/search\.example\/$/);
  expect(second).toMatch(/Z,,,$/);
});

it('quotes cells that need it', () => {
  expect(row('Lumen, "Sons"\nLtd')).toMatch(/^"Lumen, ""Sons""\nLtd",lumen\.example,/);
});

it('contains all email addresses and phone numbers', () => {
  expect(row('L', { emails: ['a@x', 'b@x'], phones: ['202 555', '112'] })).toContain(
    ',"a@x; b@x","202 555; 112",',
  );
});

it.each(['=1+1', '+1-202', '-2', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u00a0=1', '＝1+1', '\u0000=1', '\tx'])(
  'lets no spreadsheet run %j',
  (name) => {
    expect(row(name).replace(/^"/, '').startsWith("'")).toBe(true);
  },
);

it('keeps other cells as they are', () => {
  expect(row('A=B + C')).toMatch(/^A=B \+ C,/);
});
