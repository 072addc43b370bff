import { afterEach, expect, it } from 'vitest';
import heldBack from '../../../enricher/src/lookup/held_back.rs?raw';
import { setLanguage } from '../shared/messages/language';
import { explainHeldBack, explainNotReady } from './reasons';

afterEach(() => setLanguage(null, []));

it.each([
  ['the Deanonymizer does not answer', 'Der Deanonymizer antwortet nicht'],
  ['the Deanonymizer asked for a pause (Retry-After)', 'Der Deanonymizer bittet um eine Pause'],
  [
    'the Deanonymizer asked for a pause (Retry-After); the Deanonymizer answers with status 503',
    'Der Deanonymizer bittet um eine Pause; Der Deanonymizer antwortet mit Status 503',
  ],
  [
    'the Deanonymizer refuses calls with status 429: our rate limit or quota is used up',
    'Unser Limit oder Kontingent beim Deanonymizer ist aufgebraucht (429)',
  ],
  ['the Deanonymizer answers with status 503', 'Der Deanonymizer antwortet mit Status 503'],
  ['the lookup budget of 100/min is used up', 'Das Budget von 100/min Abfragen ist verbraucht'],
  ['the Deanonymizer refused our key (401)', 'Der Deanonymizer lehnt unseren Schlüssel ab'],
  ['our account at the Deanonymizer is exhausted (402)', 'Unser Konto beim Deanonymizer ist aufgebraucht'],
  ['the moon is full', null],
  ['the Deanonymizer asked for a pause (Retry-After); the moon is full', null],
])('translates "%s"', (reason, german) => {
  setLanguage('de', []);
  expect(explainHeldBack(reason)).toBe(german);
});

it('knows every reason for which an enricher makes no calls', () => {
  const texts = [...heldBack.matchAll(/#\[error\("([^"]*)"/g)].map(([, text]) => text ?? '');
  expect(texts.length).toBeGreaterThan(6);
  // `{0}` alone stands for an outage, which the file also holds, or a refusal, which is tested above. Within a text, `{0}`
  // is a status or a budget, and `{}` the outage that a request for a pause came with, if any.
  const unknown = texts
    .filter((text) => text !== '{0}')
    .filter((text) => explainHeldBack(text.replace('{0}', '503').replace('{}', '')) === null);
  expect(unknown).toEqual([]);
});

it.each([
  ['nats: not connected: connection refused', 'keine Verbindung zu NATS'],
  [
    'emitter shop.example: closed; nats: not connected',
    'keine Verbindung zum Emitter, keine Verbindung zu NATS',
  ],
  [
    'profiles bucket: the connection was lost; secrets bucket: gone',
    'kein Zugriff auf den gemeinsamen Cache',
  ],
  ['the moon is full', 'nicht bereit'],
  [null, 'nicht bereit'],
])('translates what %j lacks', (reason, german) => {
  setLanguage('de', []);
  expect(explainNotReady(reason)).toBe(german);
});
