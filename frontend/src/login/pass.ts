/** The door to the gateway's login, for a page that stays open for longer than its pass holds. */

/** What only a holder of a pass is shown, at the least cost to the gateway. */
const ASKED_FOR = '/api/stats';
const LOGIN = '/login';
const UNAUTHORIZED = 401;
/** Milliseconds after which an answer is no longer waited for; by then the next connection has been tried. */
const PATIENCE = 5_000;

/** Set by the gateway beside the pass, which no script can see. */
const LOGGED_IN_COOKIE = 'visitor_logged_in';

/** What is needed of the browser, so that tests can play the browser. */
export interface Site {
  /** The status of the answer to a GET of this path; fails where there is no answer. */
  statusOf(path: string): Promise<number>;
  /** Leaves for this path. */
  goTo(path: string): void;
  /** Where the page is. */
  readonly location: Pick<Location, 'pathname' | 'search' | 'hash'>;
}

/**
 * Goes to the login if the gateway says that this browser's pass does not hold.
 *
 * A WebSocket that is turned away does not tell why, so that without this question a page whose pass has expired
 * would show a dead line for ever.
 */
export async function renewPass(site: Site): Promise<void> {
  // No answer says nothing about the pass, and the page shows already that the gateway is away.
  const status = await site.statusOf(ASKED_FOR).catch(() => null);
  if (status === UNAUTHORIZED) site.goTo(loginFor(site.location));
}

/** The login that leads back to where the page is. The browser keeps the fragment over the login's redirects. */
function loginFor({ pathname, search, hash }: Site['location']): string {
  return `${LOGIN}?next=${encodeURIComponent(pathname + search)}${hash}`;
}

/** Whether these cookies say that somebody has logged in here, so that there is something to log out of. */
export function hasPass(cookies: string): boolean {
  return cookies.split(';').some((cookie) => cookie.trim() === `${LOGGED_IN_COOKIE}=1`);
}

/** The site in this browser. */
export const browserSite: Site = {
  async statusOf(path) {
    const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    return answer.status;
  },
  goTo: (path) => window.location.assign(path),
  get location() {
    return window.location;
  },
};
