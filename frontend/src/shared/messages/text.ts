import { IntlMessageFormat } from 'intl-messageformat';
import { de } from './de';
import { type Catalogue, en, type MessageKey } from './en';
import { type Language, language, locale } from './language';

export const CATALOGUES: Record<Language, Catalogue> = { en, de };

const compiled = new Map<string, IntlMessageFormat>();

/** The text of a message in the page's language, with its arguments filled in. */
export function t(key: MessageKey, values?: Record<string, string | number>): string {
  const name = `${locale()} ${key}`;
  let message = compiled.get(name);
  if (message === undefined) {
    // Names from third parties come as arguments, which are never parsed.
    message = new IntlMessageFormat(CATALOGUES[language()][key], locale(), undefined, { ignoreTag: true });
    compiled.set(name, message);
  }
  return String(message.format(values));
}
