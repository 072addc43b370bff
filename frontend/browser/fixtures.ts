// What every browser test starts with: a gateway, the page, and ways to name what is on it as a reader would.
import { expect, test as base, type Locator, type Page } from '@playwright/test';
import { MockGateway } from './mock/gateway.mjs';

export { expect } from '@playwright/test';

interface Fixtures {
  /** The gateway of this test. */
  gateway: MockGateway;
  /** Warnings and errors on the page's console; a test that expects some takes them out, any other one fails. */
  complaints: string[];
}

export const test = base.extend<Fixtures>({
  // eslint-disable-next-line no-empty-pattern -- Playwright requires the pattern
  gateway: async ({}, use) => {
    const gateway = await MockGateway.start();
    await use(gateway);
    await gateway.stop();
  },
  baseURL: async ({ gateway }, use) => use(gateway.url),
  // eslint-disable-next-line no-empty-pattern -- Playwright requires the pattern
  complaints: async ({}, use) => use([]),
  page: async ({ page, complaints }, use) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await use(page);
    expect(complaints).toEqual([]);
  },
});

const COLUMNS = ['Contact', 'Company', 'Email', 'Phone', 'IP address', 'On site', 'Last active'] as const;

/** The table, also where it is grouped. */
export function table(page: Page): Locator {
  return page.getByRole('grid').or(page.getByRole('treegrid'));
}

/** The rows in the document, without the headings. */
export function rows(page: Page): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('gridcell') });
}

/** The rows that contain a text. */
export function rowWith(page: Page, text: string): Locator {
  return rows(page).filter({ hasText: text });
}

/** One cell of a visitor's row, where the window is wide enough to show all columns. */
export function cell(row: Locator, column: (typeof COLUMNS)[number]): Locator {
  return row.getByRole('gridcell').nth(COLUMNS.indexOf(column));
}

/** Expects exactly these rows, each given by its cells up to the IP address. */
export async function expectRows(page: Page, expected: string[][]): Promise<void> {
  await expect
    .poll(() =>
      rows(page).evaluateAll((found) =>
        found.map((row) => [...row.children].slice(0, 5).map(({ textContent }) => textContent)),
      ),
    )
    .toEqual(expected);
}

/** The value of one of the figures above the table. */
export function figure(page: Page, name: string): Locator {
  const term = page.getByRole('term').filter({ hasText: new RegExp(`^${name}$`) });
  return term.locator('xpath=following-sibling::dd[1]');
}

/** Expects the status in the page's head. */
export async function expectStatus(page: Page, status: string | RegExp): Promise<void> {
  await expect(page.getByRole('banner').getByRole('status')).toHaveText(status);
}

/** The details of a visitor. */
export function details(page: Page): Locator {
  return page.getByRole('dialog').filter({ has: page.getByRole('button', { name: 'Close the details' }) });
}

/** The events in the details, the latest first. */
export function timeline(page: Page): Locator {
  return details(page).getByRole('list').last();
}

/** Scrolls the table to this many pixels from its top. */
export async function scrollTo(page: Page, top: number): Promise<void> {
  await table(page).evaluate((grid, to) => grid.parentElement?.scrollTo({ top: to }), top);
}

/** Opens the filters that hide behind a button. */
export async function openFilters(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: 'Filters', exact: true }).click();
  return page.getByRole('dialog', { name: 'Filters' });
}

/** Opens the system status. */
export async function openSystemStatus(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: 'System status' }).click();
  return page.getByRole('dialog', { name: 'System status' });
}
