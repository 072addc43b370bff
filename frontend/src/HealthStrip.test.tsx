// @vitest-environment jsdom
import { cleanup, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HealthStrip } from './HealthStrip';
import { PlayedPage } from './playedPage';
import { aSnapshot, NOW } from './samples';

let page: PlayedPage;

beforeEach(() => {
  page = new PlayedPage();
});

afterEach(cleanup);

const process = { instance: 'host-1', at: NOW, startedAt: NOW, ready: true, reason: null };

it('shows nothing before the first frame', () => {
  const shown = page.show(<HealthStrip />);
  expect(shown.textContent).toBe('');
});

it('tells who is ready, and what is wrong', () => {
  const processes = [
    { ...process, process: 'enricher' },
    { ...process, process: 'enricher', instance: 'host-2', ready: false, reason: 'no NATS' },
    { ...process, process: 'gateway' },
  ];
  page.receive(aSnapshot({ pipeline: { processes } }));
  page.show(<HealthStrip />);
  const lists = screen.getAllByRole('list').map((list) =>
    within(list)
      .getAllByRole('listitem')
      .map((item) => item.textContent),
  );
  expect(lists).toEqual([
    ['Emitter unknown', 'Ingestors 0 of 0 ready', 'Enrichers 1 of 2 ready', 'Gateways 1 of 1 ready'],
    ['ingestor none is known to run', 'enricher host-2 no NATS'],
  ]);
});
