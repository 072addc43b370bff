/** Texts that the browser keeps for this page. */

export interface StoredText {
  read(): string | null;
  write(text: string): void;
  /** Calls back when another window of this browser has written the text. */
  subscribe(subscriber: () => void): void;
}

/** A text in `localStorage`. Where that is not available, as in some private windows, nothing is kept. */
export function localStorageText(key: string): StoredText {
  return {
    read() {
      try {
        return window.localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    write(text) {
      try {
        window.localStorage.setItem(key, text);
      } catch {
        // The page keeps its own copy until it is closed.
      }
    },
    subscribe(subscriber) {
      window.addEventListener('storage', (event) => {
        if (event.key === key || event.key === null) subscriber();
      });
    },
  };
}
