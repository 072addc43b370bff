/** Whether the browser can decompress messages. */
export const CAN_DECOMPRESS = typeof DecompressionStream !== 'undefined';

/**
 * Delivers messages in the order in which they came. Those with gzip take a moment to decompress, and later ones wait
 * for them.
 */
export class InOrder {
  readonly #deliver: (message: unknown) => void;
  #waiting = 0;
  #last = Promise.resolve();

  /** @param deliver called with the text of each message; with null for one that cannot be decompressed */
  constructor(deliver: (message: unknown) => void) {
    this.#deliver = deliver;
  }

  /** Takes the next message: text, or the gzip of text. */
  push(message: unknown): void {
    if (this.#waiting === 0 && !(message instanceof ArrayBuffer)) {
      this.#deliver(message);
      return;
    }
    this.#waiting += 1;
    const text = message instanceof ArrayBuffer ? gunzip(message).catch(() => null) : message;
    this.#last = this.#last.then(async () => {
      const ready = await text;
      this.#waiting -= 1;
      this.#deliver(ready);
    });
  }
}

async function gunzip(compressed: ArrayBuffer): Promise<string> {
  const { readable, writable } = new DecompressionStream('gzip');
  const writer = writable.getWriter();
  // An error shows up at the other end as well.
  void writer.write(new Uint8Array(compressed)).catch(() => undefined);
  void writer.close().catch(() => undefined);
  return new Response(readable).text();
}
