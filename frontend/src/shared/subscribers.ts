/** Callbacks that are called after each change. */
export class Subscribers {
  readonly #callbacks = new Set<() => void>();

  /** Calls back after each change until the returned function is called; bound, as `useSyncExternalStore` needs it. */
  readonly subscribe = (callback: () => void): (() => void) => {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  };

  notify(): void {
    for (const callback of this.#callbacks) callback();
  }
}
