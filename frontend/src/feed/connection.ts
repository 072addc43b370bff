/** Keeps one WebSocket to the gateway open, and reconnects whenever it fails. */
import { InOrder } from './inOrder';

/** Milliseconds without an accepted message after which the connection is closed; the gateway sends one a second. */
export const SILENCE_LIMIT = 5_000;
/**
 * The same while a connection brings its first message or a snapshot in parts: on a slow line each of them takes its
 * time.
 */
export const LOADING_SILENCE_LIMIT = 15_000;
/** Milliseconds after which a connection counts as stable: the first attempt after it is made at once. */
const STABLE_AFTER = 5_000;
/** Milliseconds before the second attempt, and the limit of the exponential backoff. */
const INITIAL_DELAY = 250;
const MAX_DELAY = 5_000;

/**
 * The outcome of a message: `accepted`, `incomplete` (accepted, and more parts of a snapshot follow), `ignored` (which
 * does not prove that the connection is alive), or a `gap` (one before it is missing, so a snapshot is requested).
 */
export type MessageOutcome = 'accepted' | 'incomplete' | 'ignored' | 'gap';

export interface ConnectionListener {
  /** Called with each message, of any type. */
  onMessage(data: unknown): MessageOutcome;
  /** Called with true after a connection's first accepted message, and with false when it ends. */
  onConnectionChange(up: boolean): void;
}

/**
 * The URL of the gateway's WebSocket, beside the page.
 *
 * @param page the page's address
 * @param compressed whether long messages come with gzip
 */
export function socketUrl(page: string, compressed: boolean): string {
  const url = new URL(compressed ? 'ws?compress=gzip' : 'ws', page);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/**
 * Milliseconds to wait before the next attempt.
 *
 * @param failures how many connections in a row have failed; after the first, the next attempt is made at once
 * @param chance a number from 0 to 1, so that browsers that lost the same gateway do not all reconnect at once
 */
export function retryDelay(failures: number, chance: number): number {
  if (failures <= 1) return 0;
  const longest = Math.min(INITIAL_DELAY * 2 ** (failures - 2), MAX_DELAY);
  return longest * (0.5 + chance / 2);
}

export class Connection {
  readonly #url: string;
  readonly #listener: ConnectionListener;
  readonly #onFailure: () => void;
  #socket: WebSocket | null = null;
  /** Aborted with the socket, so that its late events are ignored. */
  #subscription = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #connectedSince: number | null = null;
  #lastMessageAt = 0;
  #silenceLimit = SILENCE_LIMIT;

  /** @param onFailure called when a connection ends without an accepted message */
  constructor(url: string, listener: ConnectionListener, onFailure: () => void) {
    this.#url = url;
    this.#listener = listener;
    this.#onFailure = onFailure;
  }

  /** Connects, and stays connected until the returned function is called. */
  open(): () => void {
    // A laptop that wakes up or is back on the network reconnects at once.
    const watching = new AbortController();
    const { signal } = watching;
    const wakeIfSeen = () => {
      if (document.visibilityState === 'visible') this.#checkNow();
    };
    window.addEventListener('online', () => this.#checkNow(), { signal });
    document.addEventListener('visibilitychange', wakeIfSeen, { signal });
    this.#connect();
    return () => {
      watching.abort();
      this.#disconnect();
    };
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    const subscription = new AbortController();
    const { signal } = subscription;
    this.#socket = socket;
    this.#subscription = subscription;
    this.#lastMessageAt = performance.now();
    this.#silenceLimit = SILENCE_LIMIT;
    const messages = new InOrder((message) => {
      if (!signal.aborted) this.#receive(message);
    });
    socket.addEventListener('open', () => this.#alive(LOADING_SILENCE_LIMIT), { signal });
    socket.addEventListener('message', ({ data }) => messages.push(data), { signal });
    // Every error event is followed by a close event.
    socket.addEventListener('close', () => this.#retry(), { signal });
    this.#checkSilence();
  }

  #receive(data: unknown): void {
    const outcome = this.#listener.onMessage(data);
    if (outcome === 'gap') this.#socket?.send(JSON.stringify({ type: 'snapshot' }));
    if (outcome !== 'accepted' && outcome !== 'incomplete') return;
    this.#alive(outcome === 'incomplete' ? LOADING_SILENCE_LIMIT : SILENCE_LIMIT);
    if (this.#connectedSince !== null) return;
    this.#connectedSince = this.#lastMessageAt;
    this.#listener.onConnectionChange(true);
  }

  /** Records that the connection is alive; the next message may take up to `silenceLimit`. */
  #alive(silenceLimit: number): void {
    this.#lastMessageAt = performance.now();
    const isShorter = silenceLimit < this.#silenceLimit;
    this.#silenceLimit = silenceLimit;
    // The timer is set for the longer time.
    if (isShorter) this.#checkNow();
  }

  /** Reconnects after the silence limit, also while connecting. */
  #checkSilence(): void {
    const left = this.#lastMessageAt + this.#silenceLimit - performance.now();
    if (left <= 0) this.#retry();
    else this.#timer = setTimeout(() => this.#checkSilence(), left);
  }

  #retry(): void {
    const connectedSince = this.#connectedSince;
    const servedFor = connectedSince === null ? 0 : performance.now() - connectedSince;
    this.#disconnect();
    if (connectedSince === null) this.#onFailure();
    this.#failures = servedFor >= STABLE_AFTER ? 1 : this.#failures + 1;
    this.#timer = setTimeout(() => this.#connect(), retryDelay(this.#failures, Math.random()));
  }

  /** Closes the socket without waiting: the closing handshake of a dead connection can take minutes. */
  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#subscription.abort();
    this.#socket?.close();
    this.#socket = null;
    if (this.#connectedSince === null) return;
    this.#connectedSince = null;
    this.#listener.onConnectionChange(false);
  }

  /** Reconnects, or checks the present connection, without waiting for the timer. */
  #checkNow(): void {
    clearTimeout(this.#timer);
    if (this.#socket === null) this.#connect();
    else this.#checkSilence();
  }
}
