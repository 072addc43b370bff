// The table of visitors.
import { cell, expect, expectRows, figure, rows, rowWith, scrollTo, table, test } from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';
import { makeVisitor, random } from './mock/visitors.mjs';

test('shows visitors as they arrive, age, become known and leave', async ({ page, gateway }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Nobody is on the website right now' })).toBeVisible();

  gateway.put(aSession({ guid: 'first', openedAt: Date.now() - 60_000 }));
  gateway.flush();
  await expectRows(page, [['Not identified', '–', '', '', '203.0.113.7']]);
  const onSite = cell(rows(page).first(), 'On site');
  const age = (await onSite.textContent()) ?? '';
  await expect(onSite).not.toHaveText(age);

  gateway.put(aSession({ guid: 'second', ip: '2001:db8::1', company: LUMEN, contact: ADA }));
  gateway.flush();
  const ada = ['Ada QuillHead of Sales', 'Lumen & Sonslumen.example', 'ada@lumen.example', '+1-202-555-0173'];
  await expectRows(page, [
    [...ada, '2001:db8::1'],
    ['Not identified', '–', '', '', '203.0.113.7'],
  ]);

  gateway.put(aSession({ guid: 'first', openedAt: Date.now() - 60_000, company: LUMEN }));
  gateway.remove('second');
  gateway.flush();
  await expectRows(page, [['Name unknown', 'Lumen & Sonslumen.example', '', '', '203.0.113.7']]);

  gateway.remove('first', 'stale');
  gateway.flush();
  await expectRows(page, []);
});

test('restarts the time since the last activity with each activity', async ({ page, gateway }) => {
  gateway.put(aSession({ openedAt: Date.now() - 600_000, lastActivityAt: Date.now() - 300_000 }));
  await page.goto('/');
  const row = rows(page).first();
  await expect(cell(row, 'Last active')).toHaveText(/^5m \d\ds$/);
  gateway.touch('a');
  gateway.flush();
  await expect(cell(row, 'Last active')).toHaveText(/^\ds$/);
  await expect(cell(row, 'On site')).toHaveText(/^10m \d\ds$/);
});

test('shows markup in names as text', async ({ page, gateway }) => {
  const name = '<script>document.title = "taken"</script><img src=x onerror="document.title = 1">';
  const company = { guid: 'c', name, domain: 'javascript:alert(1)' };
  gateway.put(aSession({ company, contact: { ...ADA, name, emailAddresses: [name], phoneNumbers: [name] } }));
  await page.goto('/');
  await expect(cell(rows(page).first(), 'Company').getByText(name, { exact: true })).toBeVisible();
  await expect(rows(page).locator('script, img, a')).toHaveCount(0);
  await expect(page).toHaveTitle('On the website right now');
});

test('renders a window of thousands of rows, and any of them when scrolled to', async ({ page, gateway }) => {
  const sessions = Array.from({ length: 5_000 }, (_, index) =>
    aSession({
      guid: `guid-${index}`,
      ip: `10.0.${index >> 8}.${index & 255}`,
      openedAt: Date.now() - index,
    }),
  );
  gateway.put(...sessions);
  await page.goto('/');
  await expect(cell(rows(page).first(), 'IP address')).toHaveText('10.0.0.0');
  await expect(figure(page, 'Active visitors')).toHaveText('5,000');
  await expect(table(page)).toHaveAttribute('aria-rowcount', '5001');
  expect(await rows(page).count()).toBeLessThan(50);

  await scrollTo(page, 1e9);
  await expect(rowWith(page, '10.0.19.135')).toBeVisible();
  expect(await rows(page).count()).toBeLessThan(50);
  await expect(rows(page).last()).toHaveAttribute('aria-rowindex', '5001');
});

test('keeps the rows on the screen in place while others come and go above them', async ({
  page,
  gateway,
}) => {
  const chance = random(1);
  const visitors = Array.from({ length: 200 }, (_, index) => ({
    ...makeVisitor(chance, (index + 1) * 10_000),
    ip: `10.0.0.${index}`,
  }));
  gateway.put(...visitors);
  await page.goto('/');
  await expect(rows(page).first()).toBeVisible();
  await scrollTo(page, 5_000);
  const ipInSight = () =>
    page.evaluate(() => {
      const row = document.elementFromPoint(640, 600)?.closest('[role=row]');
      return row?.querySelector('[role=gridcell]:nth-child(5)')?.textContent ?? '';
    });
  await expect.poll(ipInSight).not.toBe('');
  const ip = await ipInSight();
  const read = rows(page).filter({ has: page.getByRole('gridcell', { name: ip, exact: true }) });
  const top = async () => (await read.boundingBox())?.y;
  const y = await top();
  expect(y).toBeDefined();

  gateway.put(...Array.from({ length: 7 }, () => makeVisitor(chance)));
  for (const gone of visitors.slice(20, 25)) gateway.remove(gone.guid);
  gateway.flush();
  await expect(figure(page, 'Active visitors')).toHaveText('202');
  await expect.poll(top).toBe(y);
  await scrollTo(page, 0);
  const first = page.locator('[role=row][aria-rowindex="2"]');
  await expect(first).toBeVisible();
  gateway.put(aSession({ guid: 'newest', ip: 'newest' }));
  gateway.flush();
  await expect(cell(first, 'IP address')).toHaveText('newest');
  expect(await table(page).evaluate((grid) => grid.parentElement?.scrollTop)).toBe(0);
});

for (const width of [1280, 820, 390]) {
  test(`rows have room for their content after a resize to ${width} pixels`, async ({ page, gateway }) => {
    const chance = random(2);
    gateway.put(...Array.from({ length: 40 }, (_, index) => makeVisitor(chance, index * 10_000)));
    await page.setViewportSize({ width: 1100, height: 8_000 });
    await page.goto('/');
    await expect(rows(page).nth(30)).toBeVisible();
    await page.setViewportSize({ width, height: 8_000 });
    await expect
      .poll(() =>
        rows(page).evaluateAll((found) =>
          found
            .filter((row) => {
              const cells = [...row.children] as HTMLElement[];
              return Math.max(...cells.map((cell) => cell.offsetTop + cell.scrollHeight)) > row.clientHeight;
            })
            .map(({ textContent }) => textContent),
        ),
      )
      .toEqual([]);
    const [inner, outer] = await page.evaluate(() => [document.body.scrollWidth, window.innerWidth] as const);
    expect(inner, 'the page scrolls sideways').toBeLessThanOrEqual(outer);
  });
}
