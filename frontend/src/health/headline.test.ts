import { expect, it } from 'vitest';
import { formatClock } from '../shared/format';
import { anEnricher, anIngestor, aPipeline, NOW } from '../testing/samples';
import { headlineOf, type Situation } from './headline';

function headline(situation: Partial<Situation>) {
  return headlineOf({
    freshness: 'live',
    now: NOW,
    asOf: NOW,
    pipeline: aPipeline({ processes: [anIngestor(), anEnricher()] }),
    outdated: false,
    ...situation,
  });
}

it('is one quiet word while everything is right', () => {
  expect(headline({})).toEqual({ severity: 'ok', text: 'Live' });
});

it('stays quiet about what does not concern the list', () => {
  const processes = [anIngestor(), anIngestor({ instance: 'b', ready: false, reason: 'NATS' }), anEnricher()];
  expect(headline({ pipeline: aPipeline({ processes }) }).text).toBe('Live');
});

const time = formatClock(NOW);

it.each([
  ['connecting', 'warning', 'Connecting…'],
  ['reconnecting', 'warning', `The connection is being restored. The list shows who was here at ${time}.`],
  [
    'stale',
    'failing',
    `Nothing has been received from the server since ${time}. The list shows who was here then.`,
  ],
] as const)('of a line that is %s (%s) is "%s"', (freshness, severity, text) => {
  expect(headline({ freshness })).toEqual({ severity, text });
});

it('names an interruption, and the time of the list', () => {
  const interruptions = [{ part: 'ingestors', since: NOW - 1_000 }];
  const asOf = NOW - 2_000;
  expect(headline({ freshness: 'interrupted', asOf, pipeline: aPipeline({ interruptions }) })).toEqual({
    severity: 'failing',
    text:
      `The connection to the website has been interrupted since ${formatClock(NOW - 1_000)}. ` +
      `The list shows who was here at ${formatClock(asOf)}.`,
  });
});

it.each([
  ['no lookups left', { account: 'exhausted' }, /has no lookups left\. The list below is correct\.$/],
  ['a refused key', { account: 'refused' }, /refuses our key\. The list below is correct\.$/],
  [
    'an open breaker',
    { breaker: 'open', lookupsHeldBack: 'the Deanonymizer does not answer' },
    /^New visitors are not identified at the moment\. The list below is correct\.$/,
  ],
  ['a long queue', { queueWaiting: 1_000 }, /^New visitors are delayed at the moment\./],
] as const)('is a warning with %s', (_, enricher, text) => {
  const { severity, text: said } = headline({
    pipeline: aPipeline({ processes: [anIngestor(), anEnricher(enricher)] }),
  });
  expect(severity).toBe('warning');
  expect(said).toMatch(text);
});

it('says that the website sends nothing', () => {
  const processes = [anIngestor({ emitterConnected: false, emitterSilentSeconds: 42 }), anEnricher()];
  expect(headline({ pipeline: aPipeline({ processes }) }).text).toMatch(
    /^The website has sent nothing since .*Visitors without activity leave this list\.$/,
  );
});

it('asks to reload a page that does not understand the gateway', () => {
  expect(headline({ outdated: true }).text).toBe('This page is out of date. Reload it to see everything.');
});
