/** The door to what the browser keeps for this page. */

/** A place where a text outlives the page. */
export interface Memory {
  read(): string | null;
  write(text: string): void;
  /** Calls back when another window of this browser has written there. */
  watch(watcher: () => void): void;
}

/** The browser's memory; where it may not be used, in a private window for instance, nothing outlives the page. */
export function browserMemory(key: string): Memory {
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
        // It still holds as long as the page is open.
      }
    },
    watch(watcher) {
      window.addEventListener('storage', (event) => {
        if (event.key === key || event.key === null) watcher();
      });
    },
  };
}
