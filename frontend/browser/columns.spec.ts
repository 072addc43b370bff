// What fits into the table's columns.
import { expect, rows, test } from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';

test("usual names are not cut at 1680 px beside the visitors' pages", async ({ page, gateway }) => {
  await page.setViewportSize({ width: 1680, height: 1050 });
  const names = ['Janssen Logistik S.A.', 'Lefèvre Optics & Co.', 'Whitlock Ceramics'];
  gateway.put(
    ...names.map((name, index) =>
      aSession({
        guid: name,
        company: { ...LUMEN, guid: name, name },
        contact: { ...ADA, name: 'Björn Garcia-Lopez' },
        openedAt: Date.now() - index,
        page: { url: 'https://shop.example/tea', title: 'Tea' },
      }),
    ),
  );
  await page.goto('/');
  await expect(page.getByRole('columnheader')).toHaveText([
    'Contact',
    'Company',
    'Page',
    'Email',
    'Phone',
    'IP address',
    'On site',
    'Last active',
  ]);
  await expect(rows(page)).toHaveCount(3);
  const cut = await page
    .locator('.row :is(.contact, .company) .strong')
    .evaluateAll((texts) =>
      texts.filter((text) => text.scrollWidth > text.clientWidth).map((text) => text.textContent),
    );
  expect(cut).toEqual([]);
});

test('the first email address and phone number stay whole under the mouse', async ({ page, gateway }) => {
  const contact = { ...ADA, phoneNumbers: ['+44 20 7946 0774', '+44 20 7946 0775'] };
  gateway.put(aSession({ company: LUMEN, contact }));
  await page.goto('/');
  const row = rows(page).first();
  const phone = row.getByRole('link', { name: '+44 20 7946 0774' });
  const whole = () => phone.evaluate((link) => link.scrollWidth <= link.clientWidth);
  expect(await whole()).toBe(true);
  await row.hover();
  const button = row.getByRole('button', { name: 'Copy +44 20 7946 0774' });
  await expect(button).toBeVisible();
  expect(await whole()).toBe(true);
  const text = await phone.boundingBox();
  expect((await button.boundingBox())?.y).toBeGreaterThanOrEqual((text?.y ?? 0) + (text?.height ?? 0) - 0.5);
});
