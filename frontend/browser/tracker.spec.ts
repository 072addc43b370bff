// What a website loads when it includes the collector's tracker.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type BrowserContext, expect, test } from '@playwright/test';

const TRACKER = new URL('../../collector/tracker/dist/v.js', import.meta.url);
/** In bytes, compressed. */
const MAX_SIZE = 2_000;

test('the built tracker stays below its size limit', async () => {
  expect(gzipSync(await readFile(TRACKER)).length).toBeLessThan(MAX_SIZE);
});

test('the built tracker has one place for the settings of the collector', async () => {
  expect((await readFile(TRACKER, 'utf8')).split('__SETTINGS__')).toHaveLength(2);
});

const SITE = 'http://127.0.0.1:1';
/** In ms. */
const HEARTBEAT = 15_000;

interface Beacon {
  /** The session. */
  s: string;
  /** The document. */
  p: number;
  /** Visible, hidden or left. */
  k: 'v' | 'h' | 'l';
  /** The address of the page. */
  u?: string;
}

/** A website that includes the tracker, and the beacons that it gets. */
async function website(context: BrowserContext): Promise<Beacon[]> {
  const settings = { to: '/v', heartbeat: HEARTBEAT, grace: 10_000, gpc: true };
  const script = (await readFile(TRACKER, 'utf8')).replace('__SETTINGS__', JSON.stringify(settings));
  const beacons: Beacon[] = [];
  await context.addInitScript(() => {
    // The tracker leaves out browsers under automation.
    Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false });
  });
  await context.route(`${SITE}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/v.js') return route.fulfill({ contentType: 'text/javascript', body: script });
    if (pathname !== '/v') {
      const body = '<!doctype html><title>Shop</title><script async src="/v.js"></script>';
      return route.fulfill({ contentType: 'text/html', body });
    }
    beacons.push(route.request().postDataJSON() as Beacon);
    return route.fulfill({ status: 204 });
  });
  return beacons;
}

/** The sessions that have a tab by their last beacons. */
function sessions(beacons: Beacon[]): string[] {
  const tabs = new Map(beacons.map(({ s, p, k }) => [`${s} ${p}`, { s, k }]));
  return [...new Set([...tabs.values()].filter(({ k }) => k !== 'l').map(({ s }) => s))];
}

test('tabs that hear of each other late are one visitor, whose session is the older one', async ({
  context,
}) => {
  const beacons = await website(context);
  await context.addInitScript(() => {
    // As on a busy machine: long after the tracker has stopped to wait.
    globalThis.BroadcastChannel = class extends BroadcastChannel {
      override postMessage(message: unknown) {
        setTimeout(() => {
          super.postMessage(message);
        }, 500);
      }
    };
  });
  await (await context.newPage()).goto(SITE);
  await expect.poll(() => sessions(beacons)).toHaveLength(1);
  const [first] = sessions(beacons);
  await (await context.newPage()).goto(SITE);
  await expect.poll(() => new Set(beacons.map(({ s }) => s)).size).toBe(2);
  await expect.poll(() => sessions(beacons)).toEqual([first]);
  expect(new Set(beacons.filter(({ s }) => s === first).map(({ p }) => p)).size).toBe(2);
});

test('a hidden page whose timers are slowed down sends a beacon a minute', async ({ context }) => {
  const beacons = await website(context);
  const page = await context.newPage();
  await page.clock.install();
  await page.addInitScript(() => {
    // As browsers do after some minutes.
    const slow = globalThis.setInterval;
    globalThis.setInterval = ((f: () => void, after: number) =>
      slow(f, Math.max(after, 60_000))) as typeof setInterval;
  });
  await page.goto(SITE);
  await page.clock.runFor(1_000);
  await expect.poll(() => beacons.length).toBe(1);
  await page.evaluate(() => {
    Object.defineProperty(Document.prototype, 'visibilityState', { get: () => 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.clock.runFor(180_000);
  await expect.poll(() => beacons.map(({ k }) => k)).toEqual(['v', 'h', 'h', 'h', 'h']);
});

test('a tag that a tag manager inserts has its settings', async ({ context }) => {
  const beacons = await website(context);
  await context.route(`${SITE}/inserted*`, (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><title>Shop</title><script>
        var tag = document.createElement('script');
        tag.async = true;
        tag.src = '/v.js';
        tag.dataset.query = 'keep';
        document.head.appendChild(tag);
      </script>`,
    }),
  );
  await (await context.newPage()).goto(`${SITE}/inserted?article=7`);
  await expect.poll(() => beacons.map(({ u }) => u)).toEqual([`${SITE}/inserted?article=7`]);
});
