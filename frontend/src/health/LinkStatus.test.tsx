// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LinkStatus } from './LinkStatus';
import { PlayedPage } from '../played/playedPage';
import { aSnapshot } from '../played/samples';

let page: PlayedPage;

beforeEach(() => {
  page = new PlayedPage();
});

afterEach(cleanup);

it('tells how fresh the view is', () => {
  const shown = page.show(<LinkStatus />);
  page.pass(2_000);
  expect(shown.textContent).toBe('Connectingfor 2s');
  page.receive(aSnapshot());
  expect(shown.textContent).toMatch(/^Liveas of \d/);
  page.loseLine();
  expect(shown.textContent).toMatch(/^Reconnectingshowing \d/);
  page.pass(12_000);
  expect(shown.textContent).toContain('Stalesince 12s: no word from the gateway.');
});

it('reads out the state, not the seconds', () => {
  page.show(<LinkStatus />);
  page.pass(2_000);
  expect(screen.getByRole('status').textContent).toBe('Connecting');
});

it('tells that messages were not understood', () => {
  const shown = page.show(<LinkStatus />);
  page.receive(aSnapshot());
  page.hear('?');
  expect(shown.textContent).toContain('Messages not understood: 1.');
});
