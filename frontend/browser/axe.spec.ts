// No accessibility violations in any state of the page, light and dark, on a desktop and on a phone.
import type { Page } from '@playwright/test';
import axe from 'axe-core';
import { details, expect, expectStatus, openSystemStatus, rows, rowWith, test } from './fixtures';
import { aGateway, aSession, LUMEN } from './mock/contract.mjs';
import type { MockGateway } from './mock/gateway.mjs';
import { makeVisitor, random } from './mock/visitors.mjs';

const DESKTOP = {};
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Brings the page into each of its states. */
const STATES: Record<string, (page: Page, gateway: MockGateway) => Promise<void> | void> = {
  'no visitors': (_, gateway) => gateway.flush(),
  'many visitors': (page, gateway) => fill(page, gateway),
  grouped: async (page, gateway) => {
    await fill(page, gateway, '?group=company');
    await page.getByRole('row', { expanded: false }).first().click();
    await expect(page.locator('[role=row][aria-level="2"]').first()).toBeVisible();
  },
  'no matches': async (page, gateway) => {
    await fill(page, gateway);
    await page.getByLabel('Search visitors').fill('nobody is called so');
    await expect(page.getByRole('heading', { name: 'match' })).toBeVisible();
  },
  details: async (page, gateway) => {
    await fill(page, gateway);
    await rows(page).first().getByRole('gridcell').first().click();
    await expect(details(page).getByText('Activity')).toBeVisible();
  },
  'menu open': async (page, gateway) => {
    await fill(page, gateway);
    await page.getByRole('button', { name: 'Menu' }).click();
    await expect(page.getByLabel('Language')).toBeVisible();
  },
  shortcuts: async (page, gateway) => {
    await fill(page, gateway);
    await page.keyboard.press('?');
    await expect(page.getByRole('heading', { name: 'Keyboard shortcuts' })).toBeVisible();
  },
  'one company': async (page, gateway) => {
    gateway.put(aSession({ guid: 'lumen', company: LUMEN }));
    await fill(page, gateway, '?company=lumen.example');
    await expect(page.getByRole('heading', { name: 'Lumen & Sons' })).toBeVisible();
  },
  'watchlist open': async (page, gateway) => {
    await fill(page, gateway);
    await page.getByRole('button', { name: 'Watchlist' }).click();
    await page.getByLabel('Domain to watch').fill('none');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await expect(page.getByRole('alert').filter({ hasText: 'not a domain' })).toBeVisible();
  },
  'a watched visitor there, another one leaving': async (page, gateway) => {
    await page.evaluate(() => localStorage.setItem('watchlist', '["lumen.example"]'));
    gateway.put(aSession({ guid: 'watched', company: LUMEN }), aSession({ guid: 'leaving' }));
    await page.reload();
    await expect(page.getByRole('button', { name: '1 here' })).toBeVisible();
    await rows(page).first().press('ArrowDown');
    gateway.remove('leaving');
    gateway.flush();
    await expect(rowWith(page, 'Left')).toBeVisible();
  },
  'a process not ready, and stale': async (page, gateway) => {
    await fill(page, gateway);
    gateway.processes = [aGateway({ ready: false, reason: 'NATS is away' })];
    await openSystemStatus(page);
    gateway.silent = true;
    await expectStatus(page, /^Nothing has been received from the server/);
  },
};

async function fill(page: Page, gateway: MockGateway, search = ''): Promise<void> {
  const chance = random(3);
  gateway.put(...Array.from({ length: 50 }, (_, index) => makeVisitor(chance, index * 10_000)));
  await page.goto(`/${search}`);
  await expect(rows(page).first()).toBeVisible();
}

const EVERY = Object.keys(STATES);

for (const [name, states, options] of [
  ['light', EVERY, { colorScheme: 'light', ...DESKTOP }],
  ['dark', EVERY, { colorScheme: 'dark', ...DESKTOP }],
  ['light phone', EVERY, { colorScheme: 'light', ...PHONE }],
  ['dark phone', EVERY, { colorScheme: 'dark', ...PHONE }],
  ['German', ['no visitors', 'many visitors'], { locale: 'de-DE', ...DESKTOP }],
  ['German phone', ['many visitors'], { locale: 'de-DE', ...PHONE }],
] as const) {
  test.describe(name, () => {
    test.use({ contextOptions: { reducedMotion: 'reduce' }, ...options });
    for (const [state, reach] of Object.entries(STATES).filter(([one]) =>
      (states as readonly string[]).includes(one),
    )) {
      test(state, async ({ page, gateway }) => {
        await page.goto('/');
        await expectStatus(page, 'Live');
        await reach(page, gateway);
        await page.evaluate(axe.source);
        const violations = await page.evaluate(async (runOnly) => {
          const result = await (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly });
          return result.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        }, RULES);
        expect(violations).toEqual([]);
      });
    }
  });
}
