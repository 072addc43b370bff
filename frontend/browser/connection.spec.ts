// The connection between the page and the gateway.
import { expect, expectRows, expectStatus, rows, test } from './fixtures';
import { aSession } from './mock/contract.mjs';

test('requests a snapshot after a missing frame', async ({ page, gateway }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  gateway.put(aSession({ ip: 'lost on the way' }));
  gateway.loseDelta();
  expect(gateway.requests).toEqual([]);
  gateway.flush();
  await expectRows(page, [['Unknown', '–', '', '', 'lost on the way']]);
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
  await expect.poll(async () => (await history.jsonValue())[0]).toBe('Reconnecting');
  await expect(rows(page)).toHaveCount(1);

  gateway.remove('before');
  gateway.put(aSession({ guid: 'after', ip: 'after' }));
  gateway.refusing = false;
  await expectStatus(page, 'Live');
  await expectRows(page, [['Unknown', '–', '', '', 'after']]);
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

test('says how long the gateway has been silent, and recovers', async ({ page, gateway }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  gateway.silent = true;
  await expectStatus(page, 'Stale');
  await expect(page.getByRole('banner')).toContainText(/Stale\s*for \d+s: no data from the server/);
  gateway.silent = false;
  await expectStatus(page, 'Live');
});

test('survives invalid messages', async ({ page, gateway, complaints }) => {
  await page.goto('/');
  await expectStatus(page, 'Live');
  for (const message of ['{', '[]', '{"type":"news"}', Buffer.from('binary')]) gateway.sendRaw(message);
  await expect(page.getByRole('banner')).toContainText('Messages not understood: 4.');
  gateway.put(aSession({ ip: 'after nonsense' }));
  gateway.flush();
  await expectRows(page, [['Unknown', '–', '', '', 'after nonsense']]);
  expect(complaints.splice(0), 'only the first one is logged').toHaveLength(1);
});
