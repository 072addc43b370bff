/** The door to the gateway: one WebSocket that is kept open, whatever happens. */

/** Milliseconds without a useful message after which a connection is given up; one a second is due. */
export const SILENCE_LIMIT = 5_000;
/** Milliseconds that a connection must have served for its end to count as an accident. */
const SERVED_WELL = 5_000;
/** Milliseconds before the first attempt that is not made at once, and the most that it grows to. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 5_000;

/**
 * What became of a message: it was `useful`, it was `useless` (and does not prove that the connection is
 * worth keeping), or it shows that one before it is `missing`, so that a snapshot is asked for.
 */
export type Verdict = 'useful' | 'useless' | 'missing';

/** Who listens to the connection. */
export interface Listener {
  /** A message arrived, of whatever kind. */
  onMessage(data: unknown): Verdict;
  /** The link is up once a connection has brought its first useful message, and down when it ends. */
  onLink(up: boolean): void;
}

/** The address of the gateway's WebSocket for a page at `location`. */
export function socketUrl(location: Pick<Location, 'protocol' | 'host'>): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}

/**
 * Milliseconds to wait before the next attempt.
 *
 * @param failures how many connections in a row have failed; after the first the next attempt is made at once
 * @param chance a number from 0 to 1, so that browsers that lost the same gateway do not all come back in the
 *   same moment
 */
export function retryDelay(failures: number, chance: number): number {
  if (failures <= 1) return 0;
  const longest = Math.min(FIRST_DELAY * 2 ** (failures - 2), LONGEST_DELAY);
  return longest * (0.5 + chance / 2);
}

/** A connection to the gateway that is made again whenever it ends or falls silent. */
export class Connection {
  readonly #url: string;
  readonly #listener: Listener;
  readonly #onFailure: () => void;
  #socket: WebSocket | null = null;
  /** Aborted when the present socket is given up, so that nothing that it still says is heard. */
  #hearing = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #upSince: number | null = null;
  #heardAt = 0;

  /** @param onFailure is called when a connection is given up that has brought no useful message */
  constructor(url: string, listener: Listener, onFailure: () => void) {
    this.#url = url;
    this.#listener = listener;
    this.#onFailure = onFailure;
  }

  /** Connects, and stays connected until the returned function is called. */
  open(): () => void {
    // A laptop that wakes up or finds its network again should not wait for a timer that was set before.
    const watching = new AbortController();
    const { signal } = watching;
    const wakeIfSeen = () => {
      if (document.visibilityState === 'visible') this.#wake();
    };
    window.addEventListener('online', () => this.#wake(), { signal });
    document.addEventListener('visibilitychange', wakeIfSeen, { signal });
    this.#connect();
    return () => {
      watching.abort();
      this.#abandon();
    };
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    const hearing = new AbortController();
    const { signal } = hearing;
    this.#socket = socket;
    this.#hearing = hearing;
    this.#heardAt = performance.now();
    socket.addEventListener('message', ({ data }) => this.#hear(data), { signal });
    // An error is always followed by a close.
    socket.addEventListener('close', () => this.#retry(), { signal });
    this.#watch();
  }

  #hear(data: unknown): void {
    const verdict = this.#listener.onMessage(data);
    if (verdict === 'missing') this.#socket?.send(JSON.stringify({ type: 'snapshot' }));
    if (verdict !== 'useful') return;
    this.#heardAt = performance.now();
    if (this.#upSince !== null) return;
    this.#upSince = this.#heardAt;
    this.#listener.onLink(true);
  }

  /** Gives the connection up when it has been silent for too long, be it while connecting or later. */
  #watch(): void {
    const left = this.#heardAt + SILENCE_LIMIT - performance.now();
    if (left <= 0) this.#retry();
    else this.#timer = setTimeout(() => this.#watch(), left);
  }

  #retry(): void {
    const upSince = this.#upSince;
    const servedFor = upSince === null ? 0 : performance.now() - upSince;
    this.#abandon();
    if (upSince === null) this.#onFailure();
    this.#failures = servedFor >= SERVED_WELL ? 1 : this.#failures + 1;
    this.#timer = setTimeout(() => this.#connect(), retryDelay(this.#failures, Math.random()));
  }

  /** Leaves the socket without waiting for it: the closing of a dead line can take minutes. */
  #abandon(): void {
    clearTimeout(this.#timer);
    this.#hearing.abort();
    this.#socket?.close();
    this.#socket = null;
    if (this.#upSince === null) return;
    this.#upSince = null;
    this.#listener.onLink(false);
  }

  /** Makes the next attempt at once, and looks at once whether the present connection is still alive. */
  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#socket === null) this.#connect();
    else this.#watch();
  }
}
