// Tells the collector that somebody looks at this page. It never throws into the page, sets no cookie and reads no form.

interface Settings {
  /** The path for beacons, relative to this script. */
  to: string;
  /** How often a visible page sends, in ms. */
  heartbeat: number;
  /** How long after leaving a page the next one is a new visit, in ms. */
  grace: number;
  /** Whether Global Privacy Control is respected. */
  gpc: boolean;
}

/** The collector puts its settings here when it serves the script. */
declare const __SETTINGS__: Settings;

/** How long other tabs have to report the session's id before this one sends, in ms. A later answer counts as well. */
const ASK = 100;
/** How long a navigation within the page has to set the title, in ms. */
const TITLE = 100;
/** After so many heartbeats without a beacon a hidden page sends one. */
const HIDDEN = 4;
const NAME = 'visitors';
/** Where tabs send each other their session's id; an empty text ends the visit in all of them. */
const CHANNEL = 'visitors-id';

(() => {
  const { to, heartbeat, grace, gpc } = __SETTINGS__;
  /** Runs a function and ignores its errors, because they must not affect the page. */
  const safe =
    <A extends unknown[]>(f: (...args: A) => void) =>
    (...args: A) => {
      try {
        f(...args);
      } catch {
        // Errors cannot be reported to anybody.
      }
    };
  const on = (target: EventTarget, type: string, f: (event: Event) => void) =>
    target.addEventListener(type, safe(f), true);

  safe(() => {
    const script = document.currentScript as HTMLScriptElement;
    const { storage, consent, query } = script.dataset;
    const endpoint = new URL(to, script.src).href;
    const random = (length: number) => crypto.getRandomValues(new Uint32Array(length));
    const [page = 0] = random(1);

    let allowed = consent !== 'wait';
    let running = false;
    let decided = false;
    let settled = 0;
    let number = 0;
    let sentAt = 0;
    let id = '';
    let shown: string | undefined;
    let channel: BroadcastChannel | undefined;
    let timer: ReturnType<typeof setInterval> | undefined;

    const visible = () => document.visibilityState === 'visible';
    /** The session in sessionStorage: its id and, once the page was left, when. */
    const store = (left?: number) => {
      if (storage !== 'none') safe(() => sessionStorage.setItem(NAME, `${id}${left ?? ''}`))();
    };
    const stored = () => {
      let text = id;
      if (storage !== 'none') safe(() => (text = sessionStorage.getItem(NAME) ?? text))();
      const left = +text.slice(32);
      return left && Date.now() - left > grace ? '' : text.slice(0, 32);
    };
    const address = () => location.origin + location.pathname + (query === 'keep' ? location.search : '');

    const send = (kind: 'v' | 'h' | 'l') => {
      sentAt = performance.now();
      const { referrer, title } = document;
      const from = referrer && new URL(referrer);
      const body = JSON.stringify({
        s: id,
        p: page,
        n: ++number,
        k: kind,
        o: settled,
        ...(kind === 'v' && {
          u: address().slice(0, 800),
          t: title.slice(0, 120),
          ...(from && from.origin !== location.origin && { r: (from.origin + from.pathname).slice(0, 300) }),
        }),
      });
      if ('keepalive' in Request.prototype) {
        fetch(endpoint, { method: 'POST', body, keepalive: true, credentials: 'omit', mode: 'cors' }).catch(
          () => 0,
        );
      } else navigator.sendBeacon(endpoint, body);
    };

    /** Sends which page is visible. */
    const sendVisible = () => {
      if (!running || !decided || !visible()) return;
      shown = address() + document.title;
      send('v');
    };

    const tick = () => {
      if (visible()) {
        settled = 1;
        sendVisible();
        // By the clock, because browsers slow down the timers of hidden pages.
      } else if (number && performance.now() - sentAt > (HIDDEN - 0.5) * heartbeat) send('h');
    };

    const restart = () => {
      clearInterval(timer);
      timer = setInterval(safe(tick), heartbeat);
    };

    /** Tabs share the smallest id that one of them has: it is the oldest, and each tab comes to it, however late it hears. */
    const listen = () => {
      channel = new BroadcastChannel(CHANNEL);
      channel.onmessage = safe(({ data }: MessageEvent<string>) => {
        if (!data) stop();
        else if (data < id) adopt(data);
        else if (data > id) channel?.postMessage(id);
      });
      channel.postMessage(id);
    };

    const decide = () => {
      if (decided || !running) return;
      decided = true;
      store();
      if (visible()) sendVisible();
      else if (number) send('h');
      restart();
    };

    /** Continues the session of another tab, and leaves its own. */
    const adopt = (other: string) => {
      if (decided && number) send('l');
      decided = false;
      id = other;
      decide();
    };

    /** When it was made and 80 random bits, in hexadecimal. */
    const newId = () => {
      const parts = [Date.now(), ...random(3)].map((part) => part.toString(16).padStart(8, '0'));
      return parts.join('').padStart(36, '0').slice(0, 32);
    };

    const begin = () => {
      if (!allowed || running) return;
      running = true;
      decided = false;
      id = stored() || newId();
      safe(listen)();
      setTimeout(safe(decide), ASK);
    };

    /** Begins once somebody looks: a page that is prerendered or opened in the background is not a visit. */
    const beginWhenVisible = () => {
      if (visible() && !(document as { prerendering?: boolean }).prerendering) begin();
    };

    const end = () => {
      if (!running) return;
      running = false;
      clearInterval(timer);
      channel?.close();
      if (number) send('l');
      store(Date.now());
    };

    /** Ends the visit, and forgets it. */
    const stop = () => {
      allowed = false;
      end();
      id = '';
      safe(() => sessionStorage.removeItem(NAME))();
    };

    const blocked =
      navigator.webdriver || (gpc && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl);
    (window as unknown as Record<string, unknown>)[NAME] = {
      start: safe(() => {
        allowed = !blocked;
        beginWhenVisible();
      }),
      stop: safe(() => {
        safe(() => channel?.postMessage(''))();
        stop();
      }),
    };
    if (blocked) {
      allowed = false;
      return;
    }

    on(document, 'prerenderingchange', beginWhenVisible);
    on(document, 'visibilitychange', () => {
      beginWhenVisible();
      if (!decided || !running) return;
      if (visible()) sendVisible();
      else send('h');
      restart();
    });
    on(window, 'online', sendVisible);
    on(window, 'pagehide', end);
    // From the back/forward cache.
    on(window, 'pageshow', beginWhenVisible);

    const navigated = () =>
      setTimeout(
        safe(() => {
          if (address() + document.title !== shown) sendVisible();
        }),
        TITLE,
      );
    on(window, 'popstate', navigated);
    for (const method of ['pushState', 'replaceState'] as const) {
      const original = history[method].bind(history);
      history[method] = (...args) => {
        original(...args);
        safe(navigated)();
      };
    }
    beginWhenVisible();
  })();
})();
