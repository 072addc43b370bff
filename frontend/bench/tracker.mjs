// Measures what the collector's tracker costs a page in Chromium, bytes and main-thread time: see `make bench-tracker`.
// usage: node bench/tracker.mjs
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { gzipSync } from 'node:zlib';
import { launchChromium } from '../browser/chromium.mjs';

/** How often each page is loaded; the median counts. */
const LOADS = 21;
/** How long it stays open: time for the script and its first beacon. */
const VISIT_MS = 1_000;
const SITE = 'http://127.0.0.1:1';

const built = await readFile(new URL('../../collector/tracker/dist/v.js', import.meta.url), 'utf8');
const settings = { to: '/v', heartbeat: 15_000, grace: 10_000, gpc: true };
const script = built.replace('__SETTINGS__', JSON.stringify(settings));
const browser = await launchChromium();
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const without = await visits('<!doctype html><title>Shop</title><p>Shop');
const tracked = await visits('<!doctype html><title>Shop</title><script async src="/v.js"></script><p>Shop');
const report = {
  bytes: Buffer.byteLength(built),
  bytesCompressed: gzipSync(built, { level: 9 }).length,
  // Both in CPU time of the main thread, and beyond what the page without the script takes.
  scriptMs: tracked.scriptMs - without.scriptMs,
  mainThreadMs: tracked.mainThreadMs - without.mainThreadMs,
  beacons: tracked.beacons,
  // Other load on the machine empties caches, and costs CPU time too.
  loadOfTheMachine: loadavg()[0],
};
console.log(JSON.stringify(report, (_, value) => (typeof value === 'number' ? +value.toFixed(2) : value), 2));
await browser.close();

/** Medians of the loads of a page: time in scripts and in tasks of the main thread, and beacons. */
async function visits(body) {
  const loads = [];
  for (let load = 0; load < LOADS; load++) loads.push(await visit(body));
  const of = (name) => median(loads.map((figures) => figures[name]));
  return { scriptMs: of('scriptMs'), mainThreadMs: of('mainThreadMs'), beacons: of('beacons') };
}

async function visit(body) {
  const context = await browser.newContext();
  let beacons = 0;
  await context.addInitScript(() => {
    // The tracker leaves out browsers under automation.
    Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false });
  });
  await context.route(`${SITE}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/v.js') return route.fulfill({ contentType: 'text/javascript', body: script });
    if (pathname === '/') return route.fulfill({ contentType: 'text/html', body });
    beacons += 1;
    return route.fulfill({ status: 204 });
  });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.goto(SITE);
  await page.waitForTimeout(VISIT_MS);
  const { metrics } = await session.send('Performance.getMetrics');
  const seconds = (name) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  await context.close();
  return {
    scriptMs: seconds('ScriptDuration') * 1000,
    mainThreadMs: seconds('TaskDuration') * 1000,
    beacons,
  };
}
