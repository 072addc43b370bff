// @vitest-environment jsdom
import { act, cleanup, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pipeline } from '../feed/status';
import {
  anEnricher,
  anIngestor,
  aPipeline,
  aSnapshot,
  NOW,
  someLookups,
  someStats,
} from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { LiveStatus } from './LiveStatus';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

const process = { instance: 'host-1', at: NOW, startedAt: NOW, ready: true, reason: null };
const sick = { ...process, process: 'enricher', instance: 'host-2', ready: false, reason: 'no NATS' };

/** Opens the system status of these processes. */
function open(pipeline: Partial<Pipeline>, beingIdentified = 0): HTMLElement {
  page.receive(aSnapshot({ pipeline: aPipeline(pipeline), stats: someStats({ beingIdentified }) }));
  page.render(<LiveStatus />);
  act(() => screen.getByRole('button', { name: /System status/ }).click());
  return screen.getByRole('dialog', { name: 'System status' });
}

it('announces the state, and no ticking time', () => {
  page.render(<LiveStatus />);
  const said = () => screen.getByRole('status').textContent;
  expect(said()).toBe('Connecting…');
  page.receive(aSnapshot());
  expect(said()).toBe('Live');
  page.advance(4_000);
  const stale = said();
  expect(stale).toMatch(/^Nothing has been received from the server since/);
  page.advance(4_000);
  expect(said()).toBe(stale);
});

it('ignores a few messages that it does not understand', () => {
  page.render(<LiveStatus />);
  page.receive(aSnapshot());
  page.receiveRaw('?', '?');
  expect(screen.getByRole('status').textContent).toBe('Live');
  page.receiveRaw('?', '?', '?');
  expect(screen.getByRole('status').textContent).toBe(
    'This page is out of date. Reload it to see everything.',
  );
});

it('lists the parts of the system', () => {
  const status = open({ processes: [anEnricher(), sick, { ...process, process: 'gateway' }] });
  const [problems, parts] = within(status).getAllByRole('list');
  const texts = (list: HTMLElement | undefined) =>
    [...(list?.children ?? [])].map((item) => item.textContent);
  expect(texts(problems)).toEqual(['ingestor: none is running', 'enricher host-2: not readyno NATS']);
  expect(texts(parts)).toEqual([
    'Emitter unknown',
    'Deanonymizer answers',
    'Ingestors 0 of 0 ready',
    'Enrichers 1 of 2 ready',
    'Gateways 1 of 1 ready',
    'Nothing is waiting',
  ]);
});

const heldBack = { lookupsHeldBack: 'the Deanonymizer does not answer' };

it.each([
  ['Deanonymizer answers', 'ok', {}],
  ['Trying the Deanonymizer again', 'warning', { breaker: 'half-open', ...heldBack }],
  ['The Deanonymizer does not answer', 'failing', { breaker: 'open', ...heldBack }],
  ['The lookup budget is used up', 'failing', { lookupsHeldBack: 'the lookup budget is used up' }],
] as const)('says "%s" (%s)', (text, severity, enricher) => {
  open({ processes: [anEnricher(enricher)] });
  expect(screen.getByText(text).closest('li')?.dataset.severity).toBe(severity);
});

it.each([
  ['Nothing is waiting', 'ok', 0, 99],
  ['7 being identified', 'ok', 7, 0],
  ['1,000 queued', 'warning', 0, 1_000],
  ['7 being identified, 100 queued', 'warning', 7, 100],
])('says what waits: "%s" (%s)', (text, severity, beingIdentified, queueWaiting) => {
  open({ processes: [anEnricher({ queueWaiting })] }, beingIdentified);
  expect(screen.getByText(text).dataset.severity).toBe(severity);
});

it('shows nothing as ok while the connection is stale', () => {
  open({ processes: [anIngestor(), anEnricher()] });
  expect(screen.getByText('Emitter connected').dataset.severity).toBe('ok');
  page.advance(4_000);
  expect(screen.getByText('Emitter connected').dataset.severity).toBe('unknown');
});

const refused = anEnricher({
  ready: false,
  reason: 'account: The Deanonymizer refused our key (401). New visitors are not identified.',
  account: 'refused',
  lookupsHeldBack: 'the Deanonymizer refused our key (401)',
});

it('names a refused account once, however many enrichers report it', () => {
  const status = open({ processes: [anIngestor(), refused, { ...refused, instance: 'host-9' }] });
  const [problems] = within(status).getAllByRole('list');
  expect(problems?.textContent).toBe('The Deanonymizer refuses our key');
});

it('says what lookups cost, and what saved some', () => {
  const lookups = someLookups({ paid: 1, failed: 1, savedByCache: 50, savedByFleet: 1 });
  const status = open({ processes: [anIngestor(), anEnricher()], lookups });
  expect(within(status).getAllByRole('list').at(-1)?.textContent).toBe(
    '1 call paid1 of them failed50 answers from an enricher’s cache1 answer from the shared cache' +
      '0 visitors shared a call in flight',
  );
});
