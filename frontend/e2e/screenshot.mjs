// A picture of the page: node e2e/screenshot.mjs URL OUT.png [--width 1280] [--height 800] [--dark]
// [--wait-for SELECTOR]
import { parseArgs } from 'node:util';
import { launchBrowser } from './browser.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    width: { type: 'string', default: '1280' },
    height: { type: 'string', default: '800' },
    dark: { type: 'boolean', default: false },
    'wait-for': { type: 'string', default: '[data-freshness="live"]' },
  },
});
const [url, out] = positionals;
if (url === undefined || out === undefined) {
  console.error(
    'usage: node e2e/screenshot.mjs URL OUT.png [--width N] [--height N] [--dark] [--wait-for SELECTOR]',
  );
  process.exit(64);
}

const browser = await launchBrowser();
try {
  const page = await browser.newPage({
    viewport: { width: Number(values.width), height: Number(values.height) },
    colorScheme: values.dark ? 'dark' : 'light',
  });
  await page.goto(url);
  await page.waitForSelector(values['wait-for']);
  await page.screenshot({ path: out });
} finally {
  await browser.close();
}
