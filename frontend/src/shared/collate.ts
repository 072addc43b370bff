import { locale } from './messages/language';

let current: { tag: string; collator: Intl.Collator } | null = null;

/**
 * Compares two texts as the page's language sorts them, ignoring case and accents. Digits count as numbers:
 * `10.0.0.9` comes before `10.0.0.10`.
 */
export function compareTexts(a: string, b: string): number {
  const tag = locale();
  if (current?.tag !== tag) {
    current = { tag, collator: new Intl.Collator(tag, { numeric: true, sensitivity: 'base' }) };
  }
  return current.collator.compare(a, b);
}
