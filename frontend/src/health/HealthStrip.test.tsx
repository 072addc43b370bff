// @vitest-environment jsdom
import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pipeline } from '../feed/status';
import { anEnricher, aPipeline, aSnapshot, NOW, someStats } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { HealthStrip } from './HealthStrip';
import { Problems } from './Problems';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

const process = { instance: 'host-1', at: NOW, startedAt: NOW, ready: true, reason: null };
const ingestor = { ...process, process: 'ingestor' };

it('shows nothing before the first frame', () => {
  const shown = page.render(<HealthStrip />);
  expect(shown.textContent).toBe('');
});

/** What the strip says of these processes. */
function said(...processes: Pipeline['processes']): (string | null)[] {
  page.receive(aSnapshot({ pipeline: aPipeline({ processes }) }));
  page.render(<HealthStrip />);
  return screen.getAllByRole('listitem').map((item) => item.textContent);
}

const sick = { ...process, process: 'enricher', instance: 'host-2', ready: false, reason: 'no NATS' };

it('shows how many processes are ready', () => {
  expect(said(anEnricher(), sick, { ...process, process: 'gateway' })).toEqual([
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
  [
    'The lookup budget of 9/min is used up',
    'failing',
    { lookupsHeldBack: 'the lookup budget of 9/min is used up' },
  ],
] as const)('says "%s" (%s)', (text, severity, enricher) => {
  said(anEnricher(enricher));
  expect(screen.getByText(text).dataset.severity).toBe(severity);
});

it.each([
  ['Nothing is waiting', 'ok', 0, 99],
  ['7 being identified', 'ok', 7, 0],
  ['1,000 queued', 'warning', 0, 1_000],
  ['7 being identified, 100 queued', 'warning', 7, 100],
])('says what waits: "%s" (%s)', (text, severity, beingIdentified, queueWaiting) => {
  const pipeline = aPipeline({ processes: [anEnricher({ queueWaiting })] });
  page.receive(aSnapshot({ pipeline, stats: someStats({ beingIdentified }) }));
  page.render(<HealthStrip />);
  expect(screen.getByText(text).dataset.severity).toBe(severity);
});

const refused = anEnricher({
  ready: false,
  reason: 'account: The Deanonymizer refused our key (401). New visitors are not identified.',
  account: 'refused',
  lookupsHeldBack: 'the Deanonymizer refused our key (401)',
});

it('says what a refused account means for new visitors', () => {
  const sentence =
    'New visitors are not identified, because the identification service refuses our key. Known visitors are shown as before.';
  said(refused, refused);
  expect(screen.getByText(sentence).dataset.severity).toBe('failing');
});

describe('problems', () => {
  it('name a refused account once, however many enrichers report it', () => {
    page.receive(aSnapshot());
    const processes = [ingestor, refused, { ...refused, instance: 'host-9' }];
    page.receive(aSnapshot({ pipeline: aPipeline({ processes }) }));
    expect(page.render(<Problems />).textContent).toBe(
      'New visitors are not identified, because the identification service refuses our key. Known visitors are shown as before.',
    );
  });

  it('are not shown while everything is ready', () => {
    page.receive(aSnapshot());
    page.receive(aSnapshot({ pipeline: aPipeline({ processes: [ingestor, anEnricher()] }) }));
    expect(page.render(<Problems />).textContent).toBe('');
  });

  it('show the first, and all of them after a click', () => {
    page.receive(aSnapshot({ pipeline: aPipeline({ processes: [anEnricher(), sick] }) }));
    page.render(<Problems />);
    const button = screen.getByRole('button');
    expect(button.textContent).toBe('ingestor none is known to run+1 more');
    act(() => button.click());
    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
      'ingestor none is known to run',
      'enricher host-2 no NATS',
    ]);
  });
});
