// Goes through the page of a real gateway with the keyboard alone, and looks for accessibility violations in each state.
// usage: node browser/driver/browse.mjs chromium|firefox GATEWAY TOKEN VISITORS
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { launch, TIMEOUT } from './launch.mjs';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const ROWS = '.visitors-body [role=row]';
/** More presses of Tab than the page has places before its table. */
const MAX_TABS = 60;

const [browserName, gateway, token, visitors] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), 'browse-'));
const browser = await launch(browserName, profile);
const complaints = [];
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.setViewport({ width: 1440, height: 900 });
  await page
    .emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }])
    .catch(() => undefined);
  await browse(page);
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
assert.deepEqual(complaints, []);

async function browse(page) {
  await page.goto(gateway);
  await isAccessible(page, 'the login form');
  await page.type('#token', token);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await page.waitForSelector('[data-freshness=live]');
  await rowsAre(page, Number(visitors));
  await isAccessible(page, 'the table');

  await tabTo(page, '[role=row]');
  const first = await focusedRow(page);
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(
    (row) => document.activeElement.getAttribute('aria-rowindex') !== row,
    {},
    first,
  );
  const second = await focusedRow(page);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=dialog]');
  await page.waitForFunction(() => new URLSearchParams(location.search).has('visitor'));
  await isAccessible(page, 'the details');
  await page.keyboard.press('Escape');
  await page.waitForFunction(
    (row) =>
      document.querySelector('[role=dialog]') === null &&
      document.activeElement.getAttribute('aria-rowindex') === row,
    {},
    second,
  );

  await page.keyboard.press('?');
  await page.waitForSelector('[role=dialog]');
  await isAccessible(page, 'the shortcuts');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelector('[role=dialog]') === null);

  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement?.matches('input[type=search], input.search'));
  await page.keyboard.type('nobody is called so');
  await rowsAre(page, 0);
  await isAccessible(page, 'no matches');
  await page.keyboard.down('Control');
  await page.keyboard.press('a');
  await page.keyboard.up('Control');
  await page.keyboard.press('Backspace');
  await rowsAre(page, Number(visitors));
}

function rowsAre(page, count) {
  return page.waitForFunction(
    (selector, wanted) => document.querySelectorAll(selector).length === wanted,
    {},
    ROWS,
    count,
  );
}

async function tabTo(page, selector) {
  for (let press = 0; press < MAX_TABS; press += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail(`no press of Tab leads to ${selector}`);
}

/** Which row has the focus; nobody comes or leaves meanwhile. */
function focusedRow(page) {
  return page.evaluate(() => document.activeElement.getAttribute('aria-rowindex'));
}

async function isAccessible(page, state) {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async (runOnly) => {
    const { violations: found } = await globalThis.axe.run({ runOnly });
    return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  }, RULES);
  assert.deepEqual(violations, [], state);
}
