// Takes the frames of the demonstration in docs/: a visitor of the shop arrives in the table, moves and leaves.
// usage, while `make up` runs: node browser/demo-frames.mjs [TABLE [SHOP [FILE]]]
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { CHROMIUM } from './chromium.mjs';

const [
  table = 'http://127.0.0.1:3000',
  shop = 'http://127.0.0.1:8090',
  file = fileURLToPath(new URL('../../docs/demo.png', import.meta.url)),
] = process.argv.slice(2);
const MAX_SIZE = 400_000;
/** Milliseconds for any step. */
const TIMEOUT = 60_000;
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

// The collector leaves out browsers under automation.
const browser = await chromium.launch({
  ...CHROMIUM,
  args: [...CHROMIUM.args, '--disable-blink-features=AutomationControlled', `--user-agent=${USER_AGENT}`],
});
try {
  const visitor = await browser.newContext({ viewport: { width: 560, height: 620 } });
  const seller = await browser.newContext({ viewport: { width: 1180, height: 620 } });
  const page = await seller.newPage();
  page.setDefaultTimeout(TIMEOUT);
  // The visitor of the shop alone: every page of it has the name in its title.
  await page.goto(`${table}/?q=kettle`);
  const row = page.locator('.visitors-body [role=row]:not([data-left])');
  const tab = await visitor.newPage();
  const frames = [];
  const take = async (caption, shopPage) => {
    const [left, right] = [shopPage ? await tab.screenshot() : null, await page.screenshot()];
    frames.push({ caption, left: left?.toString('base64'), right: right.toString('base64') });
  };

  await tab.goto(`${shop}/demo`);
  await row.filter({ hasText: '/demo' }).waitFor();
  await page.bringToFront();
  await take('1. You open the shop: the table shows you within three seconds.', true);
  await tab.getByText('Night oolong').first().click();
  await row.filter({ hasText: '/demo/night-oolong' }).waitFor();
  await take('2. You look at another page: the table follows.', true);
  await tab.close({ runBeforeUnload: true });
  await row.waitFor({ state: 'detached' });
  await take('3. You close the shop: ten seconds later you are gone.', false);

  const sheet = await (await browser.newContext({ viewport: { width: 1200, height: 400 } })).newPage();
  await sheet.setContent(sheetOf(frames));
  const picture = await sheet.locator('main').screenshot({ animations: 'disabled' });
  if (picture.length > MAX_SIZE) throw new Error(`${file} would be larger than ${MAX_SIZE / 1_000} kB`);
  await writeFile(file, picture);
  console.log(`${file}: ${Math.round(picture.length / 1_000)} kB`);
} finally {
  await browser.close();
}

/** The frames below each other, the shop beside the table. */
function sheetOf(frames) {
  const image = (data, alt) => (data ? `<img alt="${alt}" src="data:image/png;base64,${data}">` : '<i></i>');
  const figures = frames.map(
    ({ caption, left, right }) =>
      `<figure><figcaption>${caption}</figcaption>${image(left, 'shop')}${image(right, 'table')}</figure>`,
  );
  return `<!doctype html><style>
    main { display: grid; gap: 20px; padding: 16px; background: #fff; font: 600 17px system-ui, sans-serif; }
    figure { display: grid; grid-template-columns: 360px 1fr; gap: 12px; margin: 0; }
    figcaption { grid-column: 1 / -1; }
    img, i { width: 100%; height: 400px; object-fit: cover; object-position: top left; border: 1px solid #ccc; border-radius: 6px; }
  </style><main>${figures.join('')}</main>`;
}
