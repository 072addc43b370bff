// Visits a website in a Firefox that does not look automated, as standard input says (orders.mjs).
// usage: node browser/driver/firefox-visitor.mjs URL
import { launch } from './launch.mjs';
import { runCommands } from './commands.mjs';

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node browser/driver/firefox-visitor.mjs URL');
  process.exit(64);
}

const browser = await launch('firefox');
const tabs = new Map();
const complaints = [];

await runCommands({
  /** Opens a page in a tab of that name, which is new unless there is one. */
  open: async ({ tab, path }) => {
    if (!tabs.has(tab)) tabs.set(tab, await newTab());
    await tabs.get(tab).goto(url + path);
  },
  click: ({ tab, text }) => tabs.get(tab).locator(`::-p-text(${text})`).click(),
  /** Runs a script in a page, as the page itself may. */
  run: ({ tab, script }) => tabs.get(tab).evaluate(script),
  /** Not by a command of the browser's, because the entry before may be of the same document. */
  back: ({ tab }) => tabs.get(tab).evaluate(() => history.back()),
  reload: ({ tab }) => tabs.get(tab).reload(),
  close: async ({ tab }) => {
    await tabs.get(tab).close({ runBeforeUnload: true });
    tabs.delete(tab);
  },
  complaints: () => complaints,
});
await browser.close();

async function newTab() {
  const page = await browser.newPage();
  // The tracker leaves out browsers under automation.
  await page.evaluateOnNewDocument(() => {
    Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false });
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return page;
}
