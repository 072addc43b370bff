// What every test of the page in a browser needs: the browser, a gateway, and ways to say what is to be seen.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach } from 'node:test';
import { launchBrowser } from './browser.mjs';
import { MockGateway } from './mock-gateway.mjs';

const DEADLINE = 30_000;

/** The rows in the document. */
export const ROWS = '.visitors-body [role=row]';

export const LUMEN = { guid: 'company-1', name: 'Lumen & Sons', domain: 'lumen.example' };
export const ADA = {
  guid: 'contact-1',
  name: 'Ada Quill',
  title: 'Head of Sales',
  emailAddresses: ['ada@lumen.example'],
  phoneNumbers: ['+1-202-555-0173'],
};

/** The gateway of the test that runs. */
export let gateway;

/** What the page wrote to the console as warning or error; what a test leaves here fails it. */
export const complaints = [];

let browser;

before(async () => {
  browser = await launchBrowser();
});

after(() => browser.close());

beforeEach(async () => {
  gateway = await MockGateway.start();
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await gateway.stop();
  assert.deepEqual(complaints.splice(0), []);
});

/** Opens the page; whatever it complains about to the console fails the test. */
export async function open(options = {}, initScript = undefined) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  if (initScript) await page.addInitScript(initScript);
  await page.goto(gateway.url);
  return page;
}

export function aSession(session) {
  const now = Date.now();
  return {
    guid: 'a',
    ip: '203.0.113.7',
    openedAt: now,
    lastActivityAt: now,
    company: null,
    contact: null,
    ...session,
  };
}

/** Waits until `check` no longer throws; fails with what it threw last. */
export async function eventually(check) {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export function textOf(page, selector) {
  return page.locator(selector).first().textContent({ timeout: DEADLINE });
}

export function shows(page, selector, expected) {
  return eventually(async () => {
    const text = await textOf(page, selector);
    if (expected instanceof RegExp) assert.match(text, expected);
    else assert.equal(text, expected);
  });
}

export function showsFigure(page, name, expected) {
  return shows(page, `.figure:has(dt:text-is("${name}")) dd`, expected);
}

export function isFresh(page, freshness) {
  return page.locator(`[data-freshness=${freshness}]`).waitFor({ timeout: DEADLINE });
}

/** Waits until the table shows exactly these rows, each given by its cells up to the IP. */
export function hasRows(page, expected) {
  return eventually(async () => {
    const rows = await page
      .locator(ROWS)
      .evaluateAll((found) =>
        found.map((row) => [...row.children].slice(0, 5).map((cell) => cell.textContent)),
      );
    assert.deepEqual(rows, expected);
  });
}

export function scroll(page, top) {
  return page.locator('.visitors').evaluate((element, to) => element.scrollTo({ top: to }), top);
}
