// @vitest-environment jsdom
import { cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { aSession, aSnapshot } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { WatchMenu } from './WatchMenu';

const GUID = '0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
  // jsdom has none, and popovers need one.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe = () => undefined;
      unobserve = () => undefined;
      disconnect = () => undefined;
    },
  );
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(): void {
  page.render(<WatchMenu />);
  fireEvent.click(screen.getByRole('button', { name: /Watchlist/ }));
}

function leadsTo(entry: string): string | null {
  return screen.getByRole('link', { name: entry }).getAttribute('href');
}

it('leads from each entry to its own view, by an address that can be shared', () => {
  page.watchlist.add('lumen.example');
  page.team.update(['varga.example', '*.quill.example', GUID]);
  open();
  expect(leadsTo('lumen.example')).toBe('?company=lumen.example');
  expect(leadsTo('varga.example')).toBe('?company=varga.example');
  expect(leadsTo('*.quill.example')).toBe('?q=quill.example&watched=yes');
  expect(leadsTo(GUID)).toBe(`?company=${GUID}`);
});

it('leads from a GUID to the domain of the company that is there', () => {
  page.team.update([GUID]);
  const company = { guid: GUID.toUpperCase(), name: 'Lumen', domain: 'lumen.example' };
  page.receive(aSnapshot({ sessions: [aSession({ company })] }));
  open();
  expect(leadsTo(GUID)).toBe('?company=lumen.example');
});

it('shows the company in place of all filters, and closes', () => {
  page.team.update(['varga.example']);
  page.address.change({ search: 'anything', visitor: null });
  open();
  fireEvent.click(screen.getByRole('link', { name: 'varga.example' }));
  expect(page.address.query).toMatchObject({ search: '', company: 'varga.example' });
  expect(screen.queryByRole('dialog')).toBeNull();
});

it('leaves a click with a modifier to the browser', () => {
  page.team.update(['varga.example']);
  open();
  fireEvent.click(screen.getByRole('link', { name: 'varga.example' }), { ctrlKey: true });
  expect(page.address.query.company).toBeNull();
});
