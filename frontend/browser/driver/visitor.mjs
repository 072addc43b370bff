// Visits a website in a Chromium that does not look automated, as standard input says (orders.mjs).
// usage: node browser/driver/visitor.mjs URL
import { chromium, devices } from '@playwright/test';
import { CHROMIUM } from '../chromium.mjs';
import { runCommands } from './commands.mjs';

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node browser/driver/visitor.mjs URL');
  process.exit(64);
}

/** For the whole browser: that of a Playwright context is not sent with what a page sends while it is left. */
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

const browser = await chromium.launch({
  ...CHROMIUM,
  args: [...CHROMIUM.args, '--disable-blink-features=AutomationControlled', `--user-agent=${USER_AGENT}`],
  // Visitors' browsers have it.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
});
const complaints = [];
// Its screen and touch, with the user agent of the browser.
const PHONE = { ...devices['Pixel 7'], userAgent: USER_AGENT };
/** The beacons that were sent, as they were sent. */
const beacons = [];
let context = await newContext();
const tabs = new Map();

/** What can be asked for; each takes the rest of the line. */
const commands = {
  /** Opens a page in a tab of that name, which is new unless there is one. */
  open: async ({ tab, path }) => {
    if (!tabs.has(tab)) tabs.set(tab, await context.newPage());
    await tabs.get(tab).goto(url + path);
  },
  click: ({ tab, text }) => tabs.get(tab).getByText(text, { exact: true }).first().click(),
  /** Runs a script in a page, as the page itself may. */
  run: ({ tab, script }) => tabs.get(tab).evaluate(script),
  /** Goes back, unless the tab began with this page. */
  back: async ({ tab }) => {
    const page = tabs.get(tab);
    const can = await page.evaluate(() => navigation.canGoBack);
    // A page from the back/forward cache does not load again.
    if (can) await page.goBack({ waitUntil: 'commit' });
  },
  reload: ({ tab }) => tabs.get(tab).reload(),
  close: async ({ tab }) => {
    await tabs.get(tab).close({ runBeforeUnload: true });
    tabs.delete(tab);
  },
  /** Goes on as another person, in another browser. */
  another: async (how) => {
    await context.close();
    tabs.clear();
    context = await newContext(how);
  },
  offline: ({ offline }) => context.setOffline(offline),
  /** The addresses of the tabs. */
  addresses: () => [...tabs.values()].map((page) => page.url()),
  beacons: () => beacons,
  complaints: () => complaints,
};

await runCommands(commands);
await browser.close();

/** `gpc`, `phone`, `noStorage` and `prerendered` say what is special about the browser. */
async function newContext({ gpc = false, phone = false, noStorage = false, prerendered = false } = {}) {
  const made = await browser.newContext(phone ? PHONE : {});
  if (noStorage) {
    await made.addInitScript(() => {
      for (const name of ['sessionStorage', 'localStorage']) {
        Object.defineProperty(window, name, {
          get: () => {
            throw new DOMException('Access is denied for this document.', 'SecurityError');
          },
        });
      }
    });
  }
  if (prerendered) {
    await made.addInitScript(() => {
      let prerendering = true;
      Object.defineProperty(Document.prototype, 'prerendering', { get: () => prerendering });
      globalThis.activate = () => {
        prerendering = false;
        document.dispatchEvent(new Event('prerenderingchange'));
      };
    });
  }
  if (gpc) {
    await made.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });
    });
  }
  // A page of the same website that asks for consent first.
  await made.route('**/consent*', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><title>Consent</title><script async data-consent="wait" src="/v.js"></script><p>Consent`,
    }),
  );
  made.on('request', (request) => {
    if (request.method() === 'POST') beacons.push(JSON.parse(request.postData()));
  });
  made.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
  });
  return made;
}
