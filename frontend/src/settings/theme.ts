import type { StoredText } from '../shared/storedText';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** The colours that the reader has chosen; `auto` follows the system. */
export function readTheme(storage: StoredText): Theme {
  const stored = storage.read();
  return THEMES.find((theme) => theme === stored) ?? 'auto';
}

/** Colours the document; the style sheet reads the attribute. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
