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

it('has headings with the time zone, and a byte order mark', () => {
  const [headings, first, end] = csvOf([aSession({ openedAt: 0, lastActivityAt: 1_500 })]).split('\r\n');
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(headings).toBe(
    '\uFEFFCompany,Domain,Contact,Title,Email addresses,Phone numbers,IP address,Country,Network,' +
      `On site since (${zone}),Last active (${zone})`,
  );
  const [opened = '', active = ''] = first?.split(',').slice(-2) ?? [];
  expect(first).toMatch(/^,,,,,,203\.0\.113\.7,,,/);
  expect(opened).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  expect([Date.parse(opened), Date.parse(active)]).toEqual([0, 1_000]);
  expect(end).toBe('');
});

it.each(['+49 30 1234567', '+1-202-555-0173', '+44 (20) 7946.0', '+1 202 555 0148 x4821'])(
  'leaves the phone number %s as it is',
  (phone) => {
    expect(row('L', { phones: [phone] })).toContain(`,${phone},`);
    expect(row('L', { phones: [phone, phone] })).toContain(`,"${phone}; ${phone}",`);
  },
);

it('has columns for page and referrer where a visitor has one', () => {
  const page = { url: 'https://shop.example/tea', title: '=Tea' };
  const [headings, first, second] = csvOf([
    aSession({ page, referrer: 'https://search.example/' }),
    aSession(),
  ]).split('\r\n');
  expect(headings).toMatch(/,Page,Page title,Came from$/);
  expect(first).toMatch(/,https:\/\/shop\.example\/tea,'=Tea,https:\/\/search\.example\/$/);
  expect(second).toMatch(/:\d\d,,,$/);
});

it('quotes cells that need it', () => {
  expect(row('Lumen, "Sons"\nLtd')).toMatch(/^"Lumen, ""Sons""\nLtd",lumen\.example,/);
});

it('contains all email addresses and phone numbers', () => {
  expect(row('L', { emails: ['a@x', 'b@x'], phones: ['202 555', '112'] })).toContain(
    ',"a@x; b@x","202 555; 112",',
  );
});

it.each([
  '=1+1',
  '+A1',
  '+1+cmd',
  '-2',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  ' =1',
  '\u00a0=1',
  '＝1+1',
  '\u0000=1',
  '\tx',
])('lets no spreadsheet run %j', (name) => {
  expect(row(name).replace(/^"/, '').startsWith("'")).toBe(true);
});

it('keeps other cells as they are', () => {
  expect(row('A=B + C')).toMatch(/^A=B \+ C,/);
});
