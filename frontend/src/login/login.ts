/** Notices that a login has expired while the page is open, and redirects to the login form. */

/** The cheapest request, other than the page itself, that needs a login. */
const PROTECTED_PATH = 'api/stats';
const LOGIN = 'login';
const UNAUTHORIZED = 401;
/** Milliseconds to wait for an answer; by then the next connection has been tried. */
const REQUEST_TIMEOUT = 5_000;

/** The gateway sets it in addition to the session cookie, which scripts cannot read. */
const LOGGED_IN_COOKIE = 'visitor_logged_in';

/** What the redirect needs of the browser; tests replace it. */
export interface Site {
  /** The status of the response to a GET of this path; rejects if there is none. */
  statusOf(path: string): Promise<number>;
  /** Navigates to this path. */
  goTo(path: string): void;
  readonly location: Pick<Location, 'pathname' | 'search' | 'hash'>;
}

/**
 * Redirects to the login form if the gateway answers that the login has expired. A rejected WebSocket does not say
 * why it was rejected, so this needs a request of its own.
 */
export async function redirectIfLoggedOut(site: Site): Promise<void> {
  // Without an answer the page already says that the gateway is unreachable.
  const status = await site.statusOf(PROTECTED_PATH).catch(() => null);
  if (status === UNAUTHORIZED) site.goTo(loginFor(site.location));
}

/** The login form's address, with the way back. The browser keeps the fragment across the redirects. */
function loginFor({ pathname, search, hash }: Site['location']): string {
  return `${LOGIN}?next=${encodeURIComponent(pathname + search)}${hash}`;
}

/** Whether somebody has logged in through the form, according to these cookies. */
export function isLoggedIn(cookies: string): boolean {
  return cookies.split(';').some((cookie) => cookie.trim() === `${LOGGED_IN_COOKIE}=1`);
}

/** The real browser. */
export const browserSite: Site = {
  async statusOf(path) {
    const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
    return answer.status;
  },
  goTo: (path) => window.location.assign(path),
  get location() {
    return window.location;
  },
};
