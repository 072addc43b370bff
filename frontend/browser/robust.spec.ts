// What browsers, readers and other software do to the page.
import type { Page } from '@playwright/test';
import {
  cell,
  details,
  expect,
  expectStatus,
  figure,
  rows,
  rowWith,
  scrollTo,
  table,
  test,
} from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';
import type { MockGateway } from './mock/gateway.mjs';

const MINUTE = 60_000;

function arrive(gateway: MockGateway, count: number): void {
  gateway.put(
    ...Array.from({ length: count }, (_, index) =>
      aSession({ guid: `${index}`, ip: `10.0.0.${index}`, openedAt: Date.now() - (index + 1) * MINUTE }),
    ),
  );
}

/** Does to every text what the browsers' translation does. */
function translate(page: Page): Promise<void> {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walker.nextNode()) texts.push(walker.currentNode as Text);
    for (const text of texts) {
      if (text.parentElement?.closest('[translate=no]') || text.data.trim() === '') continue;
      // As translators do, in two elements that nobody uses any more.
      const [font, inner] = ['font', 'font'].map((name) => document.createElement(name as 'span'));
      if (!font || !inner) continue;
      font.append(inner);
      inner.append(`[${text.data}]`);
      text.replaceWith(font);
    }
  });
}

test('a translated page goes on', async ({ page, gateway }) => {
  arrive(gateway, 3);
  gateway.put(aSession({ guid: 'ada', company: LUMEN, contact: ADA }));
  await page.goto('/');
  await expect(rows(page)).toHaveCount(4);
  await rowWith(page, 'Ada Quill').press('Enter');
  await expect(details(page)).toBeVisible();
  await translate(page);
  await expect(page.getByRole('status').first()).toHaveText('[Live]');
  await expect(rowWith(page, 'Ada Quill')).not.toContainText('[Ada');
  const age = await cell(rows(page).first(), 'On site').textContent();
  await expect(cell(rows(page).first(), 'On site')).not.toHaveText(age ?? '');
  // Out of the rows, which hold the order.
  await page.getByLabel('Search visitors').focus();
  gateway.put(aSession({ guid: 'new', ip: 'new' }));
  gateway.remove('ada');
  gateway.flush();
  await expect(rowWith(page, 'new')).toHaveCount(1);
  await expect(details(page)).toContainText('This visitor has left');
  gateway.silent = true;
  await expectStatus(page, /^Nothing has been received from the server/);
  gateway.silent = false;
  await expectStatus(page, 'Live');
});

test('the focus moves on when the visitor in focus leaves', async ({ page, gateway }) => {
  arrive(gateway, 3);
  await page.goto('/');
  await rows(page).first().press('ArrowDown');
  await expect(rowWith(page, '10.0.0.1')).toBeFocused();
  gateway.remove('1', 'hidden');
  gateway.flush();
  await expect(rowWith(page, '10.0.0.2')).toBeFocused();
});

test('the row in focus keeps it when it is scrolled away', async ({ page, gateway }) => {
  arrive(gateway, 250);
  await page.goto('/');
  await rows(page).first().press('ArrowDown');
  await expect(rowWith(page, '10.0.0.1').first()).toBeFocused();
  await scrollTo(page, 6_000);
  await expect(page.locator('[role=row][aria-rowindex="130"]')).toBeVisible();
  await expect(page.locator('[role=row][aria-rowindex="3"]')).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('[role=row][aria-rowindex="4"]')).toBeFocused();
  await expect.poll(() => table(page).evaluate((grid) => grid.parentElement?.scrollTop)).toBeLessThan(200);
});

test('the details are few tabs away, and cover nothing that has tab stops', async ({ page, gateway }) => {
  gateway.put(
    ...Array.from({ length: 30 }, (_, n) =>
      aSession({ guid: `${n}`, company: { guid: `c${n}`, name: `Company ${n}`, domain: `c${n}.example` } }),
    ),
  );
  await page.goto('/');
  await rows(page).first().press('Enter');
  await expect(details(page)).toBeVisible();
  await rows(page).first().focus();
  let tabs = 0;
  do {
    await page.keyboard.press('Tab');
    tabs += 1;
  } while (tabs < 10 && !(await details(page).evaluate((shown) => shown.contains(document.activeElement))));
  expect(tabs).toBeLessThanOrEqual(3);
});

test('details stay right however many others leave', async ({ page, gateway }) => {
  arrive(gateway, 1);
  await page.goto('/');
  await rows(page).first().press('Enter');
  gateway.remove('0');
  gateway.flush();
  await expect(details(page)).toContainText('These are the last known details.');
  // Out of the rows, which hold the order.
  await page.getByLabel('Search visitors').focus();
  for (let n = 0; n < 300; n += 1) gateway.put(aSession({ guid: `later-${n}` }));
  gateway.flush();
  for (let n = 0; n < 300; n += 1) gateway.remove(`later-${n}`);
  gateway.put(aSession({ guid: 'end', ip: 'end' }));
  gateway.flush();
  await expect(page.getByRole('definition').first()).toHaveText('1');
  await expect(details(page)).toContainText('These are the last known details.');
});

test('a printout has all rows of the filter', async ({ page, gateway }) => {
  arrive(gateway, 200);
  await page.goto('/');
  await page.getByLabel('Search visitors').fill('10.0.0.1');
  await expect(page.getByRole('region', { name: 'Visitors' })).toContainText('111 of 200 visitors');
  expect(await rows(page).count()).toBeLessThan(60);
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  await page.emulateMedia({ media: 'print' });
  expect(await rows(page).count()).toBe(111);
  const last = await rows(page).last().boundingBox();
  expect(last?.y).toBeGreaterThan(4_000);
  await page.emulateMedia({ media: 'screen' });
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  expect(await rows(page).count()).toBeLessThan(60);
});

test('forced colours keep selection, lines and dots', async ({ page, gateway }) => {
  arrive(gateway, 2);
  await page.emulateMedia({ forcedColors: 'active' });
  await page.goto('/');
  await rows(page).first().press('Enter');
  const row = rowWith(page, '10.0.0.0');
  await expect(row).toHaveCSS('outline-style', 'solid');
  await expect(row).toHaveCSS('border-bottom-style', 'solid');
  const dot = await page
    .locator('.link-status')
    .evaluate((status) => getComputedStyle(status, '::before').backgroundColor);
  expect(dot).not.toBe(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
});

test('forced colours distinguish saved lookups from paid ones', async ({ page, gateway }) => {
  gateway.lookups = { ...gateway.lookups, paid: 25, savedByCache: 50, savedByFleet: 25, spent: 0.25 };
  await page.emulateMedia({ forcedColors: 'active' });
  await page.goto('/');
  await expect(figure(page, 'Spent on lookups')).toHaveText('0.25');
  const colourOf = (what: string) =>
    page.locator(`.cost-bar [data-what=${what}]`).evaluate((part) => getComputedStyle(part).backgroundColor);
  const text = await page.evaluate(() => getComputedStyle(document.body).color);
  expect([await colourOf('cached'), await colourOf('fleet')]).toEqual([text, text]);
  expect(await colourOf('paid')).not.toBe(text);
  await expect(page.locator('.cost-bar [data-what=paid]')).toHaveCSS('box-shadow', /inset/);
});

test('right-to-left names are cut at their end', async ({ page, gateway }) => {
  const name = 'شركة النقل والخدمات اللوجستية الدولية المحدودة للشحن البحري والجوي والبري';
  gateway.put(aSession({ company: { guid: 'r', name, domain: 'naql.example' } }));
  await page.goto('/');
  const shown = rows(page).first().getByText(name);
  await expect(shown).toHaveCSS('direction', 'rtl');
  await expect(shown).toHaveCSS('text-overflow', 'ellipsis');
});

test('rows follow the size of the text', async ({ page, gateway }) => {
  arrive(gateway, 20);
  await page.goto('/');
  await expect(rows(page).nth(3)).toBeVisible();
  const height = async () => (await rows(page).first().boundingBox())?.height;
  expect(await height()).toBe(48);
  await page.evaluate(() => (document.documentElement.style.fontSize = '24px'));
  await expect.poll(height).toBe(72);
});

test('a row that comes back after a filter does not arrive again', async ({ page, gateway }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  // Counts as new for as long as the test takes.
  gateway.put(aSession({ guid: 'new', ip: 'new', openedAt: Date.now() + 600_000 }));
  gateway.flush();
  await expect(rows(page)).toHaveCount(1);
  await rows(page)
    .first()
    .evaluate((row) => Promise.all(row.getAnimations().map(({ finished }) => finished)));
  await page.getByLabel('Search visitors').fill('nobody');
  await expect(rows(page)).toHaveCount(0);
  await page.getByLabel('Search visitors').fill('');
  await expect(rows(page)).toHaveCount(1);
  const running = await rows(page)
    .first()
    .evaluate(
      (row) =>
        row.getAnimations().filter((one) => one instanceof CSSAnimation && one.playState === 'running')
          .length,
    );
  expect(running).toBe(0);
});

test('nothing can be exported before the first frame', async ({ page, gateway }) => {
  gateway.silent = true;
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Export' })).toBeDisabled();
  gateway.silent = false;
  gateway.cut();
  await expect(page.getByRole('button', { name: 'Export' })).toBeEnabled();
});

test('question mark shows the shortcuts, and Escape leads back', async ({ page, gateway }) => {
  arrive(gateway, 1);
  await page.goto('/');
  await rows(page).first().focus();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(rows(page).first()).toBeFocused();
});

test('the page can be put on a home screen', async ({ page, request }) => {
  await page.goto('/');
  for (const link of ['link[rel=manifest]', 'link[rel=apple-touch-icon]']) {
    const href = await page.locator(link).getAttribute('href');
    const answer = await request.get(new URL(href ?? '', page.url()).href);
    expect(answer.status(), link).toBe(200);
  }
});
