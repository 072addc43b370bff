/** Texts that the browser keeps for this page. */

export interface StoredText {
  read(): string | null;
  /** Keeps a text, or with null nothing. */
  write(text: string | null): void;
  /** Calls back when another window of this browser has written the text. */
  subscribe(subscriber: () => void): void;
}

/**
 * A text in `localStorage`. Where that is not available, as in some private windows, nothing is kept.
 *
 * All pages of an origin share the storage. The key therefore contains the path that the page is served under.
 */
export function localStorageText(key: string): StoredText {
  const scoped = `visitors ${new URL('.', window.location.href).pathname} ${key}`;
  return {
    read() {
      try {
        // Earlier versions of the page used the bare key.
        return window.localStorage.getItem(scoped) ?? window.localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    write(text) {
      try {
        if (text === null) window.localStorage.removeItem(scoped);
        else window.localStorage.setItem(scoped, text);
      } catch {
        // The page keeps its own copy until it is closed.
      }
    },
    subscribe(subscriber) {
      window.addEventListener('storage', (event) => {
        if (event.key === scoped || event.key === null) subscriber();
      });
    },
  };
}
