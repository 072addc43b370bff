import { afterEach, expect, it } from 'vitest';
import failures from '../../../enricher/src/lookup/failure.rs?raw';
import { setLanguage } from '../shared/messages/language';
import { explainHeldBack, explainNotReady } from './reasons';

afterEach(() => setLanguage(null, []));

it.each([
  ['the Deanonymizer does not answer', 'Der Deanonymizer antwortet nicht'],
  ['the Deanonymizer asked for a pause (Retry-After)', 'Der Deanonymizer bittet um eine Pause'],
  ['the lookup budget of 100/min is used up', 'Das Budget von 100/min Abfragen ist verbraucht'],
  ['the Deanonymizer refused our key (401)', 'Der Deanonymizer lehnt unseren Schlüssel ab'],
  ['our account at the Deanonymizer is exhausted (402)', 'Unser Konto beim Deanonymizer ist aufgebraucht'],
  ['the moon is full', null],
])('translates "%s"', (reason, german) => {
  setLanguage('de', []);
  expect(explainHeldBack(reason)).toBe(german);
});

it('knows every reason for which an enricher makes no calls', () => {
  const body = /pub enum HeldBack \{([^}]|\}(?!\n))*\}\n/.exec(failures)?.[0] ?? '';
  const texts = [...body.matchAll(/#\[error\("(.*)"\)\]/g)].map(([, text]) => text ?? '');
  expect(texts.length).toBeGreaterThan(3);
  // `{0}` alone is the text of a refusal, which is tested above.
  const unknown = texts
    .filter((text) => text !== '{0}')
    .filter((text) => explainHeldBack(text.replace('{0}', '5000/day')) === null);
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
