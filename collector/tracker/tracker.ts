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

/** How long other tabs have to report the session's id, in ms. */
const ASK = 100;
/** How long a navigation within the page has to set the title, in ms. */
const TITLE = 100;
/** A hidden page sends a beacon every this many heartbeats. */
const HIDDEN = 4;
const NAME = 'visitors';

/** The answer of a tab that has decided (1), a question or a proposal of one that has not (0, 2), or the end of all (3). */
type Message = [kind: 0 | 1 | 2 | 3, id: string];

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
    let ticks = 0;
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

    /** Says that the page is visible, and which it is. */
    const tell = () => {
      if (!running || !decided || !visible()) return;
      shown = address() + document.title;
      send('v');
    };

    const tick = () => {
      if (visible()) {
        settled = 1;
        tell();
      } else if (number && ++ticks % HIDDEN === 0) send('h');
    };

    const restart = () => {
      clearInterval(timer);
      timer = setInterval(safe(tick), heartbeat);
    };

    const listen = () => {
      channel = new BroadcastChannel(NAME);
      channel.onmessage = safe(({ data }: MessageEvent<Message>) => {
        const [kind, other] = data;
        if (kind === 3) {
          stop();
          return;
        }
        if (!decided && (kind === 1 || other < id)) {
          id = other;
          if (kind === 1) decide();
        }
        if (kind === 0) channel?.postMessage([decided ? 1 : 2, id]);
      });
      channel.postMessage([0, id]);
    };

    const decide = () => {
      if (decided || !running) return;
      decided = true;
      store();
      tell();
      restart();
    };

    const begin = () => {
      if (!allowed || running) return;
      running = true;
      decided = false;
      ticks = 0;
      id = stored() || [...random(4)].map((part) => part.toString(16).padStart(8, '0')).join('');
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
        safe(() => channel?.postMessage([3, id]))();
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
      ticks = 0;
      if (visible()) tell();
      else send('h');
      restart();
    });
    on(window, 'online', tell);
    on(window, 'pagehide', end);
    // From the back/forward cache.
    on(window, 'pageshow', beginWhenVisible);

    const navigated = () =>
      setTimeout(
        safe(() => {
          if (address() + document.title !== shown) tell();
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
