// The connection between the page and the gateway.
import { expect, expectRows, expectStatus, openSystemStatus, rows, test } from './fixtures';
import { aSession } from './mock/contract.mjs';

test('requests a snapshot after a missing frame', async ({ page, gateway }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  gateway.put(aSession({ ip: 'lost on the way' }));
  gateway.loseDelta();
  expect(gateway.requests).toEqual([]);
  gateway.flush();
  await expectRows(page, [['Not identified', '–', '', '', 'lost on the way']]);
  expect(gateway.requests).toEqual([{ type: 'snapshot' }]);
});

test('reconnects after a broken connection, and says so meanwhile', async ({ page, gateway, complaints }) => {
  gateway.put(aSession({ guid: 'before', ip: 'before' }));
  await page.goto('/');
  await expectStatus(page, 'Live');
  const status = page.getByRole('banner').getByRole('status');
  const history = await status.evaluateHandle((element) => {
    const states: (string | null)[] = [];
    const observer = new MutationObserver(() => states.push(element.textContent));
    observer.observe(element, { subtree: true, childList: true, characterData: true });
    return states;
  });

  gateway.refusing = true;
  gateway.cut();
  await expect.poll(async () => (await history.jsonValue())[0]).toMatch(/^The connection is being restored/);
  await expect(rows(page)).toHaveCount(1);

  gateway.remove('before');
  gateway.put(aSession({ guid: 'after', ip: 'after' }));
  gateway.refusing = false;
  await expectStatus(page, 'Live');
  await expectRows(page, [['Not identified', '–', '', '', 'after']]);
  // The browser itself reports every refused connection.
  expect(complaints.splice(0).filter((complaint) => !complaint.includes('WebSocket'))).toEqual([]);
});

test('redirects to the login only once the login has expired', async ({ page, gateway, complaints }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  await page.goto('/?q=lumen#noted');
  await expectStatus(page, 'Live');
  const asked = page.waitForResponse('/api/stats');
  gateway.refusing = true;
  gateway.cut();
  expect((await asked).status()).toBe(200);
  gateway.locked = true;
  gateway.refusing = false;
  await page.waitForURL('/login?next=%2F%3Fq%3Dlumen#noted');
  // The browser itself reports every refused connection and request.
  expect(complaints.splice(0).filter((complaint) => !/WebSocket|401/.test(complaint))).toEqual([]);
});

test('says that the gateway is silent, since when, and recovers', async ({ page, gateway }) => {
  gateway.put(aSession());
  await page.goto('/');
  await expectStatus(page, 'Live');
  gateway.silent = true;
  await expectStatus(
    page,
    /^Nothing has been received from the server since .*\. The list shows who was here then\.$/,
  );
  const parts = (await openSystemStatus(page)).getByRole('list').last();
  await expect(parts).toBeVisible();
  await expect(page.locator('[data-severity=ok]')).toHaveCount(0);
  await page.keyboard.press('Escape');
  gateway.silent = false;
  await expectStatus(page, 'Live');
});

test('survives invalid messages, and asks to reload only after several', async ({
  page,
  gateway,
  complaints,
}) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  for (const message of ['{', '[]', '{"type":"news"}', Buffer.from('binary')]) gateway.sendRaw(message);
  gateway.put(aSession({ ip: 'after nonsense' }));
  gateway.flush();
  await expectRows(page, [['Not identified', '–', '', '', 'after nonsense']]);
  await expectStatus(page, 'Live');
  await expect(await openSystemStatus(page)).toContainText('4 messages from the gateway not understood');
  await page.keyboard.press('Escape');
  gateway.sendRaw('?');
  await expectStatus(page, 'This page is out of date. Reload it to see everything.');
  expect(complaints.splice(0), 'only the first one is logged').toHaveLength(1);
});

test('offers to reload once a newer version has been deployed', async ({ page, gateway, complaints }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  const offer = page.getByRole('alert').filter({ hasText: 'A new version of this page is available.' });
  for (const deployed of [false, true]) {
    if (deployed) {
      // The next deployment has a script of another name.
      await page.route('/', async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ body: (await answer.text()).replace(/index-[\w-]+\.js/, 'index-next.js') });
      });
    }
    const asked = page.waitForResponse((answer) => new URL(answer.url()).pathname === '/');
    gateway.cut();
    await asked;
    await expectStatus(page, 'Live');
    await expect(offer).toHaveCount(deployed ? 1 : 0);
  }
  await page.unroute('/');
  await offer.getByRole('button', { name: 'Reload' }).click();
  await expectStatus(page, 'Live');
  await expect(offer).toHaveCount(0);
  complaints.splice(0);
});
