// Nothing that axe objects to, in any state of the page, light and dark, at desk and phone size.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import axe from 'axe-core';
import { aSession, gateway, isFresh, LUMEN, open, ROWS } from './stage.mjs';
import { makeVisitor, random } from './visitors.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Brings the page into each of its states. */
const states = {
  'nobody there': () => gateway.flush(),
  'many there': (page) => welcome(page),
  grouped: async (page) => {
    await welcome(page, '?group=company');
    await page.locator('.row.group').first().click();
    await page.locator('.row.visitor').first().waitFor();
  },
  'none found': async (page) => {
    await welcome(page);
    await page.getByLabel('Search visitors').fill('nobody is called so');
    await page.locator('.no-rows').waitFor();
  },
  details: async (page) => {
    await welcome(page);
    await page.locator('.row.visitor .contact').first().click();
    await page.locator('.timeline').waitFor();
  },
  'watchlist open': async (page) => {
    await welcome(page);
    await page.getByRole('button', { name: 'Watchlist' }).click();
    await page.getByLabel('Domain to watch').fill('none');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await page.getByRole('alert').filter({ hasText: 'no domain' }).waitFor();
  },
  'somebody awaited there, somebody leaving': async (page) => {
    await page.evaluate(() => localStorage.setItem('watchlist', '["lumen.example"]'));
    gateway.put(aSession({ guid: 'awaited', company: LUMEN }), aSession({ guid: 'leaving' }));
    await page.reload();
    await page.locator('.row[data-watched]').waitFor();
    await page.locator('.row.visitor').first().press('ArrowDown');
    gateway.remove('leaving');
    gateway.flush();
    await page.locator('.row[data-left]').waitFor();
  },
  'trouble and stale': async (page) => {
    await welcome(page);
    const status = {
      process: 'gateway',
      instance: 'web-1',
      startedAt: 0,
      ready: false,
      reason: 'NATS is away',
    };
    gateway.processes = [status];
    await page.locator('.troubles').click();
    gateway.silent = true;
    await isFresh(page, 'stale');
  },
};

async function welcome(page, search = '') {
  const chance = random(3);
  gateway.put(...Array.from({ length: 50 }, (_, index) => makeVisitor(chance, index * 10_000)));
  await page.goto(gateway.url + search);
  await page.locator(ROWS).first().waitFor();
}

for (const [name, options] of Object.entries({
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'light phone': { colorScheme: 'light', ...PHONE },
  'dark phone': { colorScheme: 'dark', ...PHONE },
})) {
  describe(name, () => {
    for (const [state, become] of Object.entries(states)) {
      test(state, async () => {
        const page = await open({ reducedMotion: 'reduce', ...options });
        await isFresh(page, 'live');
        await become(page);
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly }), RULES);
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          [],
        );
      });
    }
  });
}
