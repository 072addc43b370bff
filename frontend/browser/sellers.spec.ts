// What people who sell do with the page: who is here, how to reach them, from which company.
import type { Locator, Page } from '@playwright/test';
import {
  details,
  expect,
  expectRows,
  expectStatus,
  openFilters,
  rows,
  rowWith,
  table,
  test,
} from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';
import type { MockGateway } from './mock/gateway.mjs';
import { makeVisitor, random } from './mock/visitors.mjs';

const MINUTE = 60_000;

function arrive(gateway: MockGateway, ...guids: string[]): void {
  gateway.put(
    ...guids.map((guid, index) => aSession({ guid, ip: guid, openedAt: Date.now() - (index + 1) * MINUTE })),
  );
}

function fill(gateway: MockGateway, count = 50): void {
  const chance = random(3);
  gateway.put(...Array.from({ length: count }, (_, index) => makeVisitor(chance, (index + 1) * 10_000)));
}

function order(page: Page): Promise<(string | null)[]> {
  return rows(page).evaluateAll((found) => found.map((row) => row.querySelector('.ip')?.textContent ?? null));
}

test.describe('rows', () => {
  test('copy email address and phone number, by button and by key', async ({ page, context, gateway }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    gateway.put(aSession({ company: LUMEN, contact: ADA }));
    await page.goto('/');
    const row = rows(page).first();
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await row.hover();
    await row.getByRole('button', { name: 'Copy +1-202-555-0173' }).click();
    await expect(page.getByRole('log')).toContainText('Copied +1-202-555-0173');
    expect(await clipboard()).toBe('+1-202-555-0173');
    await row.press('c');
    await expect(page.getByRole('log')).toContainText('Copied ada@lumen.example');
    expect(await clipboard()).toBe('ada@lumen.example');
    await row.press('p');
    await expect(page.getByRole('log')).toContainText('Copied +1-202-555-0173');
    await expect(details(page)).toHaveCount(0);
  });

  test('show the whole phone number beside its copy button', async ({ page, gateway }) => {
    gateway.put(aSession({ company: LUMEN, contact: ADA }));
    await page.goto('/');
    const row = rows(page).first();
    await row.hover();
    const button = row.getByRole('button', { name: 'Copy +1-202-555-0173' });
    await expect(button).toBeVisible();
    const endOfText = row.getByRole('link', { name: '+1-202-555-0173' }).evaluate((link) => {
      const text = document.createRange();
      text.selectNodeContents(link);
      return text.getBoundingClientRect().right;
    });
    expect((await button.boundingBox())?.x).toBeGreaterThanOrEqual(await endOfText);
  });

  test('copy where the browser has no clipboard for pages, as over plain HTTP', async ({ page, gateway }) => {
    await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    gateway.put(aSession({ company: LUMEN, contact: ADA }));
    await page.goto('/');
    await rows(page).first().press('c');
    await expect(page.getByRole('log')).toContainText('Copied ada@lumen.example');
    await expect(rows(page).first()).toBeFocused();
    const search = page.getByLabel('Search visitors');
    await search.press('ControlOrMeta+v');
    await expect(search).toHaveValue('ada@lumen.example');
  });

  test('have the columns that the reader chooses, also after a reload', async ({ page, gateway }) => {
    gateway.put(aSession({ company: LUMEN, contact: ADA, network: 'Example Cable', country: 'DE' }));
    await page.goto('/');
    const headings = page.getByRole('columnheader');
    await expect(headings).toHaveText([
      'Contact',
      'Company',
      'Email',
      'Phone',
      'IP address',
      'On site',
      'Last active',
    ]);
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByLabel('IP address').uncheck();
    await page.getByLabel('Country and network').check();
    const chosen = ['Contact', 'Company', 'Email', 'Phone', 'Country and network', 'On site', 'Last active'];
    await expect(headings).toHaveText(chosen);
    await page.reload();
    await expect(headings).toHaveText(chosen);
    await expect(rows(page).first()).toContainText('Example Cable · Germany');
  });

  test('are filtered by who can be reached, by country, and by whether anything is known', async ({
    page,
    gateway,
  }) => {
    gateway.put(
      aSession({ guid: 'a', ip: 'reachable', contact: ADA, country: 'DE', openedAt: Date.now() - 1 }),
      aSession({ guid: 'b', ip: 'known', company: LUMEN, country: 'FR', openedAt: Date.now() - 2 }),
      aSession({ guid: 'c', ip: 'nobody', openedAt: Date.now() - 3 }),
    );
    await page.goto('/');
    await page.getByRole('button', { name: 'Reachable' }).click();
    await expect.poll(() => order(page)).toEqual(['reachable']);
    await page.getByRole('button', { name: 'Reachable' }).click();
    const filters = await openFilters(page);
    await filters.getByLabel('Identified').selectOption('Not identified');
    await expect.poll(() => order(page)).toEqual(['nobody']);
    await filters.getByLabel('Identified').selectOption('All visitors');
    await filters.getByLabel('Country').selectOption('France');
    await expect.poll(() => order(page)).toEqual(['known']);
    await expect(page).toHaveURL(/country=FR/);
  });
});

/** Expects a button to be in sight, and to end above the table. */
async function expectClearOfRows(page: Page, button: Locator): Promise<void> {
  await expect(button).toBeVisible();
  const [above, below] = await Promise.all([
    button.boundingBox(),
    table(page).locator('xpath=..').boundingBox(),
  ]);
  expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual((below?.y ?? 0) + 0.5);
}

test.describe('many arrivals', () => {
  /** Lets one visitor arrive every 25 ms for this long. */
  async function crowd(gateway: MockGateway, from: number, milliseconds: number): Promise<void> {
    const guids = Array.from({ length: milliseconds / 25 }, (_, index) => `crowd-${from + index}`);
    await guids.reduce(async (before, guid) => {
      await before;
      gateway.put(aSession({ guid, ip: guid }));
      gateway.flush();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }, Promise.resolve());
  }

  test('hold the order, and a button lets them in', async ({ page, gateway }) => {
    arrive(gateway, 'first', 'second');
    await page.goto('/');
    await expect(rows(page)).toHaveCount(2);
    await crowd(gateway, 0, 3_000);
    const visitors = page.getByRole('region', { name: 'Visitors' });
    await expect(visitors).toContainText('Order held while many arrive');
    const before = await order(page);
    await crowd(gateway, 1_000, 500);
    expect(await order(page)).toEqual(before);
    const pill = page.getByRole('button', { name: /^\d+ new$/ });
    await expectClearOfRows(page, pill);
    await pill.click();
    await expect.poll(() => order(page)).not.toEqual(before);
  });
});

test.describe('a finger', () => {
  test.use({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });

  test('holds the order as the mouse does', async ({ page, gateway }) => {
    arrive(gateway, 'first', 'second');
    await page.goto('/');
    const name = rowWith(page, 'first').getByRole('gridcell').first();
    // A touch that is not a tap: the finger rests and leaves.
    await name.dispatchEvent('pointerdown', { pointerType: 'touch', bubbles: true });
    gateway.put(aSession({ guid: 'third', ip: 'third' }));
    gateway.flush();
    const pill = page.getByRole('button', { name: '1 new' });
    await expectClearOfRows(page, pill);
    expect((await pill.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    expect(await order(page)).toEqual(['first', 'second']);
    await page.getByLabel('Search visitors').tap();
    await expect.poll(() => order(page)).toEqual(['third', 'first', 'second']);
  });
});

test.describe('companies', () => {
  test('head their groups in the columns of the table, in the chosen order', async ({ page, gateway }) => {
    const other = { guid: 'o', name: 'Aalto Oy', domain: 'aalto.example' };
    gateway.put(
      aSession({ guid: 'a', company: LUMEN, contact: ADA, openedAt: Date.now() - 5 * MINUTE }),
      aSession({ guid: 'b', company: LUMEN, openedAt: Date.now() - 4 * MINUTE }),
      aSession({ guid: 'c', company: other, openedAt: Date.now() - 3 * MINUTE }),
    );
    await page.goto('/');
    await page.getByRole('columnheader', { name: 'Company' }).getByRole('button').click();
    await page.getByRole('button', { name: 'Group by company' }).click();
    const headings = await page.getByRole('columnheader').count();
    await expect(rows(page)).toHaveCount(2);
    await expect(rows(page).first()).toContainText('Aalto Oy');
    const cells = rows(page).nth(1).getByRole('gridcell');
    await expect(cells).toHaveCount(headings);
    await expect(cells.first()).toHaveText('Lumen & Sonslumen.example');
    await expect(cells.nth(1)).toHaveText('2 visitors');
    await expect(cells.nth(2)).toHaveText('1 reachable');
  });

  test('have a view with an address, to which the watchlist leads', async ({ page, gateway }) => {
    gateway.put(
      aSession({
        guid: 'a',
        ip: 'of lumen',
        company: LUMEN,
        contact: ADA,
        page: { url: 'https://shop.example/tea', title: 'Tea' },
      }),
      aSession({ guid: 'b', ip: 'of nobody' }),
    );
    await page.goto('/');
    await page.getByRole('button', { name: 'Watchlist' }).click();
    await page.getByLabel('Domain to watch').fill('mailto:somebody@lumen.example');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await page
      .getByRole('dialog', { name: 'Watchlist' })
      .getByRole('link', { name: 'lumen.example', exact: true })
      .click();
    await expect(page).toHaveURL(/\?company=lumen\.example$/);
    await expect.poll(() => order(page)).toEqual(['of lumen']);
    const view = page.getByRole('region', { name: 'Lumen & Sons' });
    await expect(view).toContainText(/1 here · First seen here at .* · Pages now: \/tea/);
    gateway.remove('a');
    gateway.flush();
    await expect(view).toContainText(/not here · .* · 1 visitor has left since this page was opened/);
    await expect(
      page.getByRole('heading', { name: 'Nobody from lumen.example is on the website' }),
    ).toBeVisible();
    await page.reload();
    await expect(page.getByRole('region', { name: 'lumen.example' })).toContainText('not here');
    await view
      .or(page.getByRole('region', { name: 'lumen.example' }))
      .getByRole('button', { name: 'Show all companies' })
      .click();
    await expect.poll(() => order(page)).toEqual(['of nobody']);
  });
});

test.describe('the language', () => {
  test('is that of the reader’s choice, and kept', async ({ page, gateway }) => {
    arrive(gateway, 'first');
    await page.goto('/');
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByLabel('Language').selectOption('Deutsch');
    await expect(page.getByRole('heading', { name: 'Jetzt auf der Website' })).toBeVisible();
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('lang', 'de');
    await expect(page).toHaveTitle('Jetzt auf der Website');
    await expect(rows(page).first()).toContainText('Nicht erkannt');
  });

  test.describe('of a German browser', () => {
    test.use({ locale: 'de-AT' });

    test('is German', async ({ page, gateway }) => {
      gateway.put(...Array.from({ length: 1_200 }, (_, n) => aSession({ guid: `${n}` })));
      await page.goto('/');
      await expect(page.getByRole('definition').first()).toHaveText(/^1.200$/);
      await expect(page.getByText('Aktive Besucher', { exact: true })).toBeVisible();
    });
  });

  test.describe('of a Persian browser', () => {
    test.use({ locale: 'fa-IR' });

    test('is English, with one kind of digits', async ({ page, gateway }) => {
      gateway.put(aSession({ openedAt: Date.now() - 12 * MINUTE }));
      await page.goto('/');
      await expect(rows(page).first()).toContainText('12m');
      await expect(page.getByRole('definition').first()).toHaveText('1');
      await rows(page).first().press('Enter');
      expect(await details(page).textContent()).not.toMatch(/[\u06F0-\u06F9]/);
    });
  });
});

test('colours follow the menu, or the system', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByLabel('Theme').selectOption('Dark');
  expect(await ground()).not.toBe(light);
  await page.reload();
  await expectStatus(page, 'Live');
  expect(await ground()).not.toBe(light);
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByLabel('Theme').selectOption('As in the system');
  expect(await ground()).toBe(light);
});

/** How many rows are in sight from top to bottom. */
async function wholeRows(page: Page): Promise<number> {
  const frame = await table(page).locator('xpath=..').boundingBox();
  const boxes = await Promise.all((await rows(page).all()).map((row: Locator) => row.boundingBox()));
  const bottom = (frame?.y ?? 0) + (frame?.height ?? 0);
  return boxes.filter((box) => box !== null && box.y >= 0 && box.y + box.height <= bottom).length;
}

for (const [size, viewport, touch, least] of [
  ['1024 × 768', { width: 1024, height: 768 }, false, 10],
  ['a phone', { width: 390, height: 844 }, true, 6],
  ['a phone on its side', { width: 844, height: 390 }, true, 2],
  ['a laptop at 200 % zoom', { width: 640, height: 400 }, false, 2],
] as const) {
  test.describe(size, () => {
    test.use({ viewport, isMobile: touch, hasTouch: touch });

    test('shows visitors first, and scrolls only them', async ({ page, gateway }) => {
      fill(gateway);
      await page.goto('/');
      await expect(rows(page).nth(5)).toBeVisible();
      expect(await wholeRows(page)).toBeGreaterThanOrEqual(least);
      const [scroll, height] = await page.evaluate(() => {
        const { scrollHeight, clientHeight } = document.documentElement;
        return [scrollHeight, clientHeight] as const;
      });
      expect(scroll).toBeLessThanOrEqual(height);
      if (!touch) return;
      // Every target that a finger has to hit.
      const small = await page
        .locator('button:visible, select:visible, .row:visible :is(.email, .phone) a:visible')
        .evaluateAll((targets) =>
          targets
            .map((target) => ({ target, box: target.getBoundingClientRect() }))
            .filter(({ box }) => box.height > 0 && box.height < 43.5)
            .map(({ target, box }) => `${target.outerHTML.slice(0, 80)} ${box.width}×${box.height}`),
        );
      expect(small).toEqual([]);
    });
  });
}

test('a card shows how to reach a visitor', async ({ page, gateway }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  gateway.put(aSession({ company: LUMEN, contact: ADA }));
  await page.goto('/');
  const card = rows(page).first();
  await expect(card.getByRole('link', { name: 'ada@lumen.example' })).toBeVisible();
  await expect(card.getByRole('link', { name: '+1-202-555-0173' })).toBeVisible();
  await expect(card.getByRole('button', { name: 'Copy ada@lumen.example' })).toBeVisible();
  // The headings are not seen, but read out.
  await expect(page.getByRole('columnheader', { name: 'Company' })).toHaveCount(1);
});

test('the search finds every spelling', async ({ page, gateway }) => {
  gateway.put(
    aSession({
      company: { guid: 'm', name: 'Łódź Straße', domain: 'xn--mnchen-3ya.example' },
      contact: { ...ADA, phoneNumbers: ['+49 (30) 123-4567'] },
      ip: '2001:db8::fa:0:a',
    }),
    aSession({ guid: 'other', ip: 'other' }),
  );
  await page.goto('/');
  for (const search of ['lodz strasse', 'münchen', '0049 30 1234', '2001:0db8:0:0:0:fa:0:a']) {
    await page.getByLabel('Search visitors').fill(search);
    await expect.poll(() => order(page), search).toEqual(['2001:db8::fa:0:a']);
  }
  await page.getByLabel('Search visitors').fill('oth');
  await expectRows(page, [['Not identified', '–', '', '', 'other']]);
});
