// @vitest-environment jsdom
import { cleanup, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HealthStrip } from './HealthStrip';
import { PlayedPage } from '../played/playedPage';
import { anEnricher, aPipeline, aSnapshot, NOW } from '../played/samples';
import type { Pipeline } from '../feed/status';

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

/** The items of the lists that are shown for these processes. */
function lists(...processes: Pipeline['processes']): (string | null)[][] {
  page.receive(aSnapshot({ pipeline: aPipeline({ processes }) }));
  page.show(<HealthStrip />);
  return screen.getAllByRole('list').map((list) =>
    within(list)
      .getAllByRole('listitem')
      .map((item) => item.textContent),
  );
}

it('tells who is ready, and what is wrong', () => {
  const sick = { ...process, process: 'enricher', instance: 'host-2', ready: false, reason: 'no NATS' };
  expect(lists(anEnricher(), sick, { ...process, process: 'gateway' })).toEqual([
    [
      'Emitter unknown',
      'Deanonymizer answers',
      'Ingestors 0 of 0 ready',
      'Enrichers 1 of 2 ready',
      'Gateways 1 of 1 ready',
      'Nothing waits',
    ],
    ['ingestor none is known to run', 'enricher host-2 no NATS'],
  ]);
});

const heldBack = { lookupsHeldBack: 'the Deanonymizer does not answer' };

it.each([
  ['Deanonymizer answers', 'good', { beingIdentified: 12 }],
  ['Trying the Deanonymizer again', 'doubtful', { breaker: 'half-open', ...heldBack }],
  [
    'Trying the Deanonymizer again: 1 visitor waits',
    'doubtful',
    { breaker: 'half-open', beingIdentified: 1 },
  ],
  [
    'The Deanonymizer does not answer: 1,200 visitors wait',
    'bad',
    { breaker: 'open', beingIdentified: 1_200, ...heldBack },
  ],
] as const)('says "%s" (%s)', (text, mood, enricher) => {
  lists(anEnricher(enricher));
  expect(screen.getByText(text).dataset.mood).toBe(mood);
});

it('says why lookups are held back, once', () => {
  const [crews, troubles] = lists(
    anEnricher({ lookupsHeldBack: 'the lookup budget of 100/min is used up', beingIdentified: 3 }),
  );
  expect(crews?.[1]).toBe('The lookup budget of 100/min is used up: 3 visitors wait');
  expect(troubles).toEqual(['ingestor none is known to run']);
});

it.each([
  ['Nothing waits', {}],
  ['7 being identified', { beingIdentified: 7, queueWaiting: 99 }],
  ['1,000 messages wait for an enricher', { queueWaiting: 1_000 }],
])('says what waits: "%s"', (text, enricher) => {
  expect(lists(anEnricher(enricher))[0]).toContain(text);
});
