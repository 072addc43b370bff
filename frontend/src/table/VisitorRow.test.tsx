// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Column, DEFAULT_COLUMNS } from '../address/query';
import type { Session } from '../feed/frame';
import { aSession, aSnapshot, NOW } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { VisitorRow } from './VisitorRow';

const WITHOUT_PAGES = DEFAULT_COLUMNS.filter((column) => column !== 'page');

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

function showRow(session: Partial<Session>, columns: Column[] = WITHOUT_PAGES): HTMLElement[] {
  page.receive(aSnapshot());
  page.render(
    <div role="grid">
      <div role="row">
        <VisitorRow session={aSession(session)} columns={columns} />
      </div>
    </div>,
  );
  return screen.getAllByRole('gridcell');
}

function texts(session: Partial<Session>): (string | null)[] {
  return showRow(session).map((cell) => cell.textContent);
}

const company = { guid: 'c1', name: 'Lumen & Sons', domain: 'lumen.example' };
const contact = {
  guid: 'c2',
  name: 'Ada Quill',
  title: 'Head of Sales',
  emailAddresses: ['ada@lumen.example'],
  phoneNumbers: ['+1-202-555-0173'],
};

it('shows everything that is known, and no GUIDs', () => {
  expect(texts({ company, contact })).toEqual([
    'Ada QuillHead of Sales',
    'Lumen & Sonslumen.example',
    'ada@lumen.example',
    '+1-202-555-0173',
    '203.0.113.7',
    '1m 00s',
    '5s',
  ]);
});

it('shows an unknown visitor', () => {
  expect(texts({})).toEqual(['Not identified', '–', '', '', '203.0.113.7', '1m 00s', '5s']);
});

it('shows network and country of unknown visitors only', () => {
  const origin = { network: 'Example Cable (AS64500)', country: 'DE' };
  expect(texts(origin)[1]).toBe('Example Cable (AS64500) · Germany');
  cleanup();
  expect(texts({ company, ...origin })[1]).toBe('Lumen & Sonslumen.example');
});

it('distinguishes visitors who are not identified yet from unknown ones', () => {
  expect(texts({ unidentified: true })[0]).toBe('Not identified yet');
});

it('links to the company without a referrer, and to the contact', () => {
  showRow({ company, contact });
  const links = screen.getAllByRole<HTMLAnchorElement>('link');
  expect(links.map((link) => [link.href, link.rel])).toEqual([
    ['https://lumen.example/', 'noopener noreferrer'],
    ['mailto:ada@lumen.example', ''],
    ['tel:+12025550173', ''],
  ]);
});

it('shows implausible links as text', () => {
  const cells = showRow({
    company: { ...company, domain: 'javascript:alert(1)' },
    contact: { ...contact, emailAddresses: ['none'], phoneNumbers: ['none', 'none'] },
  });
  expect(screen.queryAllByRole('link')).toEqual([]);
  expect(cells[1]?.textContent).toContain('javascript:alert(1)');
  expect(cells[3]?.textContent).toBe('nonenone');
});

it('shows markup as text', () => {
  const cells = showRow({ company: { ...company, name: '<img src=x onerror=alert(1)>' } });
  expect(cells[1]?.textContent).toContain('<img src=x onerror=alert(1)>');
  expect(cells[1]?.querySelector('img')).toBeNull();
});

it('updates itself, and has the exact time as a tooltip', () => {
  const [, , , , , opened, active] = showRow({ openedAt: NOW - 59_000, lastActivityAt: NOW });
  page.advance(1_000);
  expect(opened?.textContent).toBe('1m 00s');
  expect(active?.textContent).toBe('1s');
  expect(opened?.querySelector('time')?.dateTime).toBe(new Date(NOW - 59_000).toISOString());
});

it('shows title and path of the page where the table has a column for it', () => {
  const page = { url: 'https://shop.example/tea?cup=1', title: 'Tea' };
  expect(showRow({ page }, [...DEFAULT_COLUMNS])[2]?.textContent).toBe('Tea/tea?cup=1');
  cleanup();
  expect(showRow({}, [...DEFAULT_COLUMNS])[2]?.textContent).toBe('');
  cleanup();
  expect(showRow({ page })[2]?.className).toBe('cell email');
});

it('makes no link and no markup of a page', () => {
  const page = { url: 'javascript:alert(1)', title: '<b>Tea</b>' };
  const cell = showRow({ page }, [...DEFAULT_COLUMNS])[2];
  expect(cell?.querySelectorAll('a, b')).toHaveLength(0);
  expect(cell?.textContent).toBe('<b>Tea</b>javascript:alert(1)');
});
