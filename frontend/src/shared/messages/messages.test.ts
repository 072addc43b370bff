import { IntlMessageFormat } from 'intl-messageformat';
import { afterEach, expect, test } from 'vitest';
import type { MessageKey } from './en';
import { LANGUAGES, language, locale, setLanguage } from './language';
import { CATALOGUES, t } from './text';

afterEach(() => setLanguage(null, []));

const KEYS = Object.keys(CATALOGUES.en) as MessageKey[];

/** The names of the arguments of a message, at any depth. */
function argumentsOf(message: string): string[] {
  const names = new Set<string>();
  const collect = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(collect);
    else if (typeof part === 'object' && part !== null) {
      const { type, value } = part as { type?: number; value?: unknown };
      // 0 is literal text, 7 the number of a plural.
      if (type !== undefined && type !== 0 && type !== 7 && typeof value === 'string') names.add(value);
      Object.values(part).forEach(collect);
    }
  };
  collect(new IntlMessageFormat(message, 'en', undefined, { ignoreTag: true }).getAst());
  return [...names].sort();
}

test.each(LANGUAGES)('%s has every message, with the arguments of the English one', (name) => {
  const catalogue = CATALOGUES[name];
  expect(Object.keys(catalogue)).toEqual(KEYS);
  for (const key of KEYS) {
    expect(catalogue[key].trim(), key).not.toBe('');
    expect(argumentsOf(catalogue[key]), key).toEqual(argumentsOf(CATALOGUES.en[key]));
  }
});

test('finds the arguments of nested messages', () => {
  expect(argumentsOf('{a} {n, plural, one {# of {b}} other {#}}')).toEqual(['a', 'b', 'n']);
});

test('every message is used, and German differs from English', () => {
  const sources = import.meta.glob<string>('/src/**/*.{ts,tsx}', {
    query: '?raw',
    import: 'default',
    eager: true,
  });
  const code = Object.entries(sources)
    .filter(([path]) => !/messages\/(en|de)\.ts$|\.test\./.test(path))
    .map(([, source]) => source)
    .join('\n');
  const unused = KEYS.filter((key) => !new RegExp(`['"]${key}['"]`).test(code));
  expect(unused).toEqual([]);
  const same = KEYS.filter((key) => CATALOGUES.de[key] === CATALOGUES.en[key]);
  expect(same.length, same.join(', ')).toBeLessThan(15);
});

test('plurals agree with their number', () => {
  expect(t('visitorCount', { count: 1 })).toBe('1 visitor');
  expect(t('lookupsPaid', { count: 1 })).toBe('1 call paid');
  expect(t('lookupsPaid', { count: 1_000 })).toBe('1,000 calls paid');
  setLanguage('de', []);
  expect(t('lookupsPaid', { count: 1 })).toBe('1 bezahlte Abfrage');
  expect(t('lookupsPaid', { count: 1_000 })).toBe('1.000 bezahlte Abfragen');
});

test('markup and braces in arguments stay as they are', () => {
  expect(t('visitorFrom', { company: '<b>{x}</b>' })).toBe('Visitor from <b>{x}</b>');
});

test.each([
  [null, ['fr-FR', 'de-AT', 'en'], 'de', 'de-AT'],
  [null, ['fa-IR'], 'en', 'en'],
  ['de', ['en-GB'], 'de', 'de'],
  ['en', ['de', 'en-GB'], 'en', 'en-GB'],
] as const)('%s among %s is %s', (wanted, preferred, expected, tag) => {
  setLanguage(wanted, preferred);
  expect(language()).toBe(expected);
  expect(locale()).toBe(`${tag}-u-ca-gregory-nu-latn`);
});
