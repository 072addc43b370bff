// The pictures of the page in docs/: node browser/screenshots.mjs [FOLDER]. They need a minute, for the sparklines.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from './browser.mjs';
import { Showcase } from './showcase.mjs';

const FOLDER = process.argv[2] ?? fileURLToPath(new URL('../../docs', import.meta.url));
/** How long, in milliseconds, the website is watched before the pictures are taken. */
const WATCHED_FOR = 75_000;
const LARGEST = 250_000;
const WATCHED = ['quill-optics.example', 'okafor-freight.example', 'quill-freight.example'];

const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const sites = {
  busy: await Showcase.start(),
  empty: await Showcase.start({ visitors: 0 }),
  troubled: await Showcase.start({ troubled: true }),
};
const browser = await launchBrowser();
try {
  const pages = {
    light: await open(sites.busy, { viewport: DESK }),
    dark: await open(sites.busy, { viewport: DESK, colorScheme: 'dark' }),
    phone: await open(sites.busy, { viewport: PHONE, isMobile: true, hasTouch: true }),
    empty: await open(sites.empty, { viewport: DESK }),
    trouble: await open(sites.troubled, { viewport: DESK }),
  };
  await new Promise((resolve) => setTimeout(resolve, WATCHED_FOR));
  // Somebody of whom much is known, by the light of a lamp.
  await pages.dark.locator('.row.visitor:has(.phone a):has(.email a)').first().locator('.contact').click();
  await pages.dark.mouse.move(0, 0);
  for (const [name, page] of Object.entries(pages)) {
    const path = join(FOLDER, `page-${name}.png`);
    await page.screenshot({ path, animations: 'disabled' });
    const { size } = await stat(path);
    console.log(`${path}: ${Math.round(size / 1_000)} kB`);
    if (size > LARGEST) throw new Error(`${path} is larger than ${LARGEST / 1_000} kB`);
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
  await page.locator('.link-status[data-freshness=live]').waitFor();
  return page;
}
