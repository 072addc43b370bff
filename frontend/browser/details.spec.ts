// Opening and closing the details of visitors.
import { details, expect, expectRows, rows, rowWith, table, test } from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';

const BRUNO = { ...ADA, guid: 'contact-2', name: 'Bruno Okafor', emailAddresses: ['bruno@lumen.example'] };

test.beforeEach(({ gateway }) => {
  const now = Date.now();
  gateway.put(
    aSession({ guid: 'ada', ip: '203.0.113.1', company: LUMEN, contact: ADA, openedAt: now - 1_000 }),
    aSession({ guid: 'bruno', ip: '203.0.113.2', company: LUMEN, contact: BRUNO, openedAt: now - 2_000 }),
  );
});

test('Escape in the details moves the focus back to the row', async ({ page }) => {
  await page.goto('/');
  await rowWith(page, 'Bruno Okafor').getByText('Bruno Okafor').click();
  await details(page).getByRole('link', { name: 'bruno@lumen.example' }).focus();
  await page.keyboard.press('Escape');
  await expect(details(page)).toHaveCount(0);
  await expect(rowWith(page, 'Bruno Okafor')).toBeFocused();
});

test('looking at visitors costs no press of Back once their details are closed', async ({ page }) => {
  await page.goto('/login?next=before');
  await page.goto('/');
  for (const name of ['Ada Quill', 'Bruno Okafor', 'Ada Quill']) {
    await rowWith(page, name).getByText(name).click();
    await expect(details(page).getByRole('heading', { level: 2 })).toHaveText(name);
    await expect(page).toHaveURL(/visitor=/);
    await page.keyboard.press('Escape');
    await expect(details(page)).toHaveCount(0);
    await expect(page).not.toHaveURL(/visitor=/);
  }
  await page.goBack();
  await expect(page).toHaveURL(/login/);
});

test('a search typed while the details are open outlives them', async ({ page }) => {
  await page.goto('/');
  await rowWith(page, 'Bruno Okafor').getByText('Bruno Okafor').click();
  await expect(details(page)).toBeVisible();
  await page.getByLabel('Search visitors').fill('bruno');
  await expect(rows(page)).toHaveCount(1);
  await details(page).getByRole('button', { name: 'Close the details' }).click();
  await expect(page).toHaveURL(/\?q=bruno$/);
  await expect(page.getByLabel('Search visitors')).toHaveValue('bruno');
  await expect(rows(page)).toHaveCount(1);
});

test('"Copied" stands beside no text but the one that was copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/');
  await rowWith(page, 'Ada Quill').getByText('Ada Quill').click();
  await details(page).getByRole('button', { name: 'Copy ada@lumen.example' }).click();
  await expect(details(page).getByText('Copied')).toBeVisible();
  await rowWith(page, 'Bruno Okafor').getByText('Bruno Okafor').click();
  await expect(details(page).getByRole('button', { name: 'Copy bruno@lumen.example' })).toBeVisible();
  expect(await details(page).getByText('Copied').count()).toBe(0);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

  test('a tap anywhere on a card opens the visitor and never changes the watchlist', async ({ page }) => {
    await page.goto('/');
    const company = rowWith(page, 'Ada Quill').getByRole('gridcell').nth(1);
    const { x, y, width } = (await company.boundingBox()) ?? { x: 0, y: 0, width: 0 };
    // Where the star of the company is in a table.
    await page.touchscreen.tap(x + width - 18, y + 8);
    await expect(details(page).getByRole('heading', { level: 2 })).toHaveText('Ada Quill');
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  });
});

test('sorting and filtering show the top of the table', async ({ page, gateway }) => {
  gateway.put(
    ...Array.from({ length: 300 }, (_, index) =>
      aSession({ guid: `guid-${index}`, ip: `10.0.1.${index}`, openedAt: Date.now() - 60_000 - index }),
    ),
  );
  await page.goto('/');
  await expect(rows(page).nth(3)).toBeVisible();
  const top = () => table(page).evaluate((grid) => grid.parentElement?.scrollTop);
  for (const reorder of [
    () => page.getByRole('button', { name: 'IP address' }).click(),
    () => page.getByLabel('Search visitors').fill('10.0.1'),
  ]) {
    await table(page).evaluate((grid) => grid.parentElement?.scrollTo({ top: 5_000 }));
    await expect.poll(top).toBe(5_000);
    await reorder();
    await expect.poll(top).toBe(0);
    await expect(page.locator('[role=row][aria-rowindex="2"]')).toBeVisible();
  }
});

test('the company filter folds accents and letters as the search does', async ({ page, gateway }) => {
  const company = { guid: 'c2', name: 'Łódź Straße Ørsted', domain: 'lodz.example' };
  gateway.put(aSession({ guid: 'lodz', ip: '203.0.113.9', company }));
  await page.goto('/');
  await expect(rows(page)).toHaveCount(3);
  await page.getByLabel('Search visitors').fill('lodz strasse orsted');
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole('button', { name: 'All companies' }).click();
  await page.getByLabel('Search companies').fill('lodz strasse');
  await page.getByRole('dialog').getByRole('button', { name: 'Łódź' }).click();
  await page.getByLabel('Search visitors').fill('');
  await expectRows(page, [['Name unknown', 'Łódź Straße Ørstedlodz.example', '', '', '203.0.113.9']]);
});
