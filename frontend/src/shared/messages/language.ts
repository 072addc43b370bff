/** The page's language: the reader's choice, or the first of the browser's languages that the page speaks. */

import { Subscribers } from '../subscribers';

export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The names of the languages, each in itself. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

interface Chosen {
  language: Language;
  /** For numbers, dates and sorting (BCP 47). */
  locale: string;
}

const subscribers = new Subscribers();
let chosen: Chosen = choose(null, []);

export const subscribeLanguage = subscribers.subscribe;

export function language(): Language {
  return chosen.language;
}

/** The locale of the page's language with the reader's region, such as `de-AT`; always with western digits. */
export function locale(): string {
  return chosen.locale;
}

/**
 * Sets the page's language.
 *
 * @param wanted the reader's choice, or null for the browser's
 * @param preferred the browser's languages (BCP 47), the favourite first
 */
export function setLanguage(wanted: Language | null, preferred: readonly string[]): void {
  chosen = choose(wanted, preferred);
  subscribers.notify();
}

export function isLanguage(text: string | null): text is Language {
  return (LANGUAGES as readonly unknown[]).includes(text);
}

function choose(wanted: Language | null, preferred: readonly string[]): Chosen {
  const language = wanted ?? preferred.map(languageOf).find(isLanguage) ?? 'en';
  const tag = preferred.find((one) => languageOf(one) === language) ?? language;
  // The texts are written from left to right with western digits and the Gregorian calendar, so numbers must be too.
  return {
    language,
    locale: new Intl.Locale(tag, { numberingSystem: 'latn', calendar: 'gregory' }).toString(),
  };
}

function languageOf(tag: string): string {
  return tag.toLowerCase().split('-')[0] ?? '';
}
