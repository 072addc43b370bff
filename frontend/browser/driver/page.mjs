// Opens the page in a browser, executes commands from standard input, one JSON object per line, and answers each with a
// line of JSON; for tests of the whole pipeline. usage: node browser/driver/page.mjs URL [--clock-ahead MILLISECONDS]
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { launchChromium } from '../chromium.mjs';
import { Line } from './line.mjs';
import { runCommands } from './commands.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'clock-ahead': { type: 'string', default: '0' } },
});
const [url] = positionals;
if (!url) {
  console.error('usage: node browser/driver/page.mjs URL [--clock-ahead MILLISECONDS]');
  process.exit(64);
}

const line = await Line.to(url);
/** The page's address through the line. */
const pageUrl = new URL(url);
pageUrl.port = String(line.port);
const browser = await launchChromium();
const context = await browser.newContext({
  viewport: { width: 1440, height: 2000 },
  ignoreHTTPSErrors: true,
});
await context.grantPermissions(['clipboard-read', 'clipboard-write']);
await context.addInitScript(recordTexts);
await context.addInitScript(setClockAhead, Number(values['clock-ahead']));
const complaints = [];
let page = await open('');

/** The commands; each gets the rest of its object. */
const commands = {
  look: () => page.evaluate(look),
  /** Every text that has been in the document since it was opened. */
  everShown: () => page.evaluate(() => [...globalThis.everShown]),
  complaints: () => complaints,
  click: ({ role, name }) => page.getByRole(role, { name, exact: true }).first().click(),
  fill: ({ label, text }) => page.getByLabel(label, { exact: true }).first().fill(text),
  choose: ({ label, option }) =>
    page.getByLabel(label, { exact: true }).first().selectOption({ label: option }),
  /** Whether there is such an element now. */
  has: ({ role, name }) => page.getByRole(role, { name, exact: true }).first().isVisible(),
  /** The text of an element, which may have no name. */
  read: ({ role, name }) =>
    page
      .getByRole(role, name === '' ? {} : { name, exact: true })
      .first()
      .innerText(),
  hover: ({ role, text }) => page.getByRole(role).filter({ hasText: text }).first().hover(),
  clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
  press: ({ key }) => page.keyboard.press(key),
  pressOn: ({ role, text, key }) => page.getByRole(role).filter({ hasText: text }).first().press(key),
  /** Clicks a button that downloads a file, and answers with the file's content. */
  save: async ({ name }) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name, exact: true }).click(),
    ]);
    return readFile(await download.path(), 'utf8');
  },
  /** Opens the page's present address in another tab, as somebody does who was sent it. */
  share: async () => {
    page = await open(new URL(page.url()).search);
  },
  clock: () => page.evaluate(() => Date.now()),
  cut: () => line.cut(),
  restore: () => line.restore(),
};

await runCommands(commands);
await browser.close();
line.stop();

async function open(search) {
  const opened = await context.newPage();
  opened.on('pageerror', (error) => complaints.push(String(error)));
  opened.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await opened.goto(new URL(search, pageUrl).href);
  return opened;
}

/** Runs in the page. */
function look() {
  const rows = [...document.querySelectorAll('.visitors-body [role=row]:not([data-left])')];
  return {
    rows: rows.map((row) => row.innerText),
    watched: rows.filter((row) => row.dataset.watched).map((row) => row.innerText),
    chartsSince: Number(document.querySelector('.sparkline')?.dataset.since ?? 0),
    figures: Object.fromEntries(
      [...document.querySelectorAll('.figure')].map((figure) => [
        figure.querySelector('dt').textContent,
        figure.querySelector('dd').textContent,
      ]),
    ),
    freshness: document.querySelector('[data-freshness]')?.dataset.freshness,
    status: document.querySelector('.link-status')?.innerText ?? null,
    noRows: document.querySelector('.no-rows')?.innerText ?? null,
    title: document.title,
    address: location.search,
    details: document.querySelector('[role=dialog]')?.innerText ?? null,
  };
}

/** Runs in the page before anything else: records every text, also one that is shown only for a moment. */
function recordTexts() {
  globalThis.everShown = new Set();
  const record = (node) => {
    if (node.nodeType === Node.TEXT_NODE) globalThis.everShown.add(node.data);
    for (const child of node.childNodes) record(child);
    for (const attribute of node.attributes ?? []) globalThis.everShown.add(attribute.value);
  };
  new MutationObserver((mutations) => {
    for (const { target, addedNodes } of mutations) {
      record(target);
      addedNodes.forEach(record);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

/** Runs in the page: sets the computer's clock ahead by so many milliseconds. */
function setClockAhead(milliseconds) {
  if (milliseconds === 0) return;
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      super(...(parts.length === 0 ? [RealDate.now() + milliseconds] : parts));
    }
    static now() {
      return RealDate.now() + milliseconds;
    }
  };
}
