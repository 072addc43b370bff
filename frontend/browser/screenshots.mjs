// Takes the screenshots in docs/: node browser/screenshots.mjs [FOLDER]. It waits a minute for the sparklines to fill.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from './chromium.mjs';
import { DemoSite } from './mock/demo-site.mjs';

const FOLDER = process.argv[2] ?? fileURLToPath(new URL('../../docs', import.meta.url));
/** Milliseconds that the pages are open before the screenshots are taken. */
const OPEN_FOR = 75_000;
const MAX_SIZE = 300_000;
const WATCHED = ['quill-optics.example', 'okafor-freight.example', 'quill-freight.example'];

const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const sites = {
  busy: await DemoSite.start(),
  empty: await DemoSite.start({ visitors: 0 }),
  failing: await DemoSite.start({ failing: true }),
};
const browser = await launchChromium();
try {
  const pages = {
    light: await open(sites.busy, { viewport: DESK }),
    dark: await open(sites.busy, { viewport: DESK, colorScheme: 'dark' }),
    phone: await open(sites.busy, { viewport: PHONE, isMobile: true, hasTouch: true }),
    empty: await open(sites.empty, { viewport: DESK }),
    trouble: await open(sites.failing, { viewport: DESK }),
  };
  await new Promise((resolve) => setTimeout(resolve, OPEN_FOR));
  // The details of a visitor with an email address and a phone number.
  const reachable = pages.dark
    .getByRole('row')
    .filter({ has: pages.dark.locator('a[href^="mailto:"]') })
    .filter({ has: pages.dark.locator('a[href^="tel:"]') });
  await reachable.first().getByRole('gridcell').first().click();
  await pages.dark.mouse.move(0, 0);
  for (const [name, page] of Object.entries(pages)) {
    const path = join(FOLDER, `page-${name}.png`);
    await page.screenshot({ path, animations: 'disabled' });
    const { size } = await stat(path);
    console.log(`${path}: ${Math.round(size / 1_000)} kB`);
    if (size > MAX_SIZE) throw new Error(`${path} is larger than ${MAX_SIZE / 1_000} kB`);
  }
} finally {
  await browser.close();
  await Promise.all(Object.values(sites).map((site) => site.stop()));
}

async function open(site, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.addInitScript((domains) => localStorage.setItem('watchlist', JSON.stringify(domains)), WATCHED);
  await page.goto(site.url);
  await page.locator('[data-freshness=live]').waitFor();
  return page;
}
