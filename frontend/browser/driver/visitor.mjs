// Visits a website in a browser that does not look automated, executes commands from standard input, one JSON object per
// line, and answers each with a line of JSON. usage: node browser/driver/visitor.mjs URL
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { CHROMIUM } from '../chromium.mjs';

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node browser/driver/visitor.mjs URL');
  process.exit(64);
}

const browser = await chromium.launch({
  ...CHROMIUM,
  args: [...CHROMIUM.args, '--disable-blink-features=AutomationControlled'],
});
const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`;
const complaints = [];
/** The beacons that were sent, as they were sent. */
const beacons = [];
let context = await newContext();
const tabs = new Map();

/** What can be asked for; each takes the rest of the line. */
const deeds = {
  /** Opens a page in a tab of that name, which is new unless there is one. */
  open: async ({ tab, path }) => {
    if (!tabs.has(tab)) tabs.set(tab, await context.newPage());
    await tabs.get(tab).goto(url + path);
  },
  click: ({ tab, text }) => tabs.get(tab).getByText(text, { exact: true }).first().click(),
  /** Runs a script in a page, as the page itself may. */
  run: ({ tab, script }) => tabs.get(tab).evaluate(script),
  back: ({ tab }) => tabs.get(tab).goBack(),
  reload: ({ tab }) => tabs.get(tab).reload(),
  close: async ({ tab }) => {
    await tabs.get(tab).close({ runBeforeUnload: true });
    tabs.delete(tab);
  },
  /** Goes on as another person, in another browser. */
  another: async ({ gpc }) => {
    await context.close();
    tabs.clear();
    context = await newContext(gpc);
  },
  beacons: () => beacons,
  complaints: () => complaints,
};

for await (const text of createInterface({ input: process.stdin })) {
  const { deed, ...how } = JSON.parse(text);
  try {
    console.log(JSON.stringify({ done: (await deeds[deed](how)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
  }
}
await browser.close();

async function newContext(gpc = false) {
  const made = await browser.newContext({ userAgent });
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
