import { createContext, useContext, useSyncExternalStore } from 'react';
import { type Column, COLUMNS, DEFAULT_COLUMNS, FIXED_COLUMNS } from '../address/query';
import { isLanguage, type Language, setLanguage } from '../shared/messages/language';
import type { StoredText } from '../shared/storedText';
import { Subscribers } from '../shared/subscribers';
import { applyTheme, readTheme, type Theme } from './theme';

/** Where this browser keeps each setting. */
export interface Stored {
  language: StoredText;
  theme: StoredText;
  columns: StoredText;
}

/** The reader's settings, which this browser keeps and its windows share. */
export class Settings {
  readonly #stored: Stored;
  readonly #subscribers = new Subscribers();
  #columns: ReadonlySet<Column>;

  constructor(stored: Stored) {
    this.#stored = stored;
    this.#columns = readColumns(stored.columns);
    for (const one of [stored.language, stored.theme, stored.columns]) one.subscribe(() => this.apply());
  }

  /** Null for the browser's. */
  get language(): Language | null {
    const stored = this.#stored.language.read();
    return isLanguage(stored) ? stored : null;
  }

  setLanguage(language: Language | null): void {
    this.#stored.language.write(language);
    this.apply();
  }

  get theme(): Theme {
    return readTheme(this.#stored.theme);
  }

  setTheme(theme: Theme): void {
    this.#stored.theme.write(theme === 'auto' ? null : theme);
    this.apply();
  }

  /** The columns of the table; replaced with each change. */
  get columns(): ReadonlySet<Column> {
    return this.#columns;
  }

  /** Shows a column, or hides it. */
  showColumn(column: Column, shown: boolean): void {
    const columns = COLUMNS.filter((one) => (one === column ? shown : this.#columns.has(one)));
    this.#stored.columns.write(columns.join(' '));
    this.apply();
  }

  readonly subscribe = this.#subscribers.subscribe;

  /** Brings the page in line with what is stored. */
  apply(): void {
    this.#columns = readColumns(this.#stored.columns);
    applyTheme(this.theme);
    setLanguage(this.language, navigator.languages);
    this.#subscribers.notify();
  }
}

function readColumns(stored: StoredText): ReadonlySet<Column> {
  const names = stored.read()?.split(' ');
  if (names === undefined) return new Set(DEFAULT_COLUMNS);
  return new Set(COLUMNS.filter((column) => FIXED_COLUMNS.includes(column) || names.includes(column)));
}

export const SettingsContext = createContext<Settings | null>(null);

export function useSettings(): Settings {
  const settings = useContext(SettingsContext);
  if (settings === null) throw new Error('this component needs a SettingsContext around it');
  return settings;
}

export function useTheme(): Theme {
  const settings = useSettings();
  return useSyncExternalStore(settings.subscribe, () => settings.theme);
}

export function useChosenLanguage(): Language | null {
  const settings = useSettings();
  return useSyncExternalStore(settings.subscribe, () => settings.language);
}

/** The columns that the reader has chosen. */
export function useChosenColumns(): ReadonlySet<Column> {
  const settings = useSettings();
  return useSyncExternalStore(settings.subscribe, () => settings.columns);
}
