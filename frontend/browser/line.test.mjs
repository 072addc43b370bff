// The line between the page and the gateway, in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aSession, complaints, eventually, gateway, hasRows, isFresh, open, ROWS, shows } from './stage.mjs';

test('asks for a snapshot where a frame is missing', async () => {
  const page = await open();
  await isFresh(page, 'live');
  gateway.put(aSession({ ip: 'lost on the way' }));
  gateway.lose();
  assert.deepEqual(gateway.requests, []);
  gateway.flush();
  await hasRows(page, [['Unknown', '–', '', '', 'lost on the way']]);
  assert.deepEqual(gateway.requests, [{ type: 'snapshot' }]);
});

test('is made again when it breaks, and says so', async () => {
  gateway.put(aSession({ guid: 'before', ip: 'before' }));
  const page = await open();
  await isFresh(page, 'live');
  const history = await page.evaluateHandle(() => {
    const states = [];
    new MutationObserver(() => states.push(document.querySelector('[role=status]').textContent)).observe(
      document.querySelector('.link-status'),
      { subtree: true, childList: true, characterData: true },
    );
    return states;
  });

  gateway.refusing = true;
  gateway.cut();
  await eventually(async () => assert.equal((await history.jsonValue())[0], 'Reconnecting'));
  assert.equal(await page.locator(ROWS).count(), 1);

  gateway.remove('before');
  gateway.put(aSession({ guid: 'after', ip: 'after' }));
  gateway.refusing = false;
  await isFresh(page, 'live');
  await hasRows(page, [['Unknown', '–', '', '', 'after']]);
  // The browser itself tells of every connection that was refused.
  assert.ok(complaints.splice(0).every((complaint) => complaint.includes('WebSocket')));
});

test('leads to the login where the pass has expired, and not before', async () => {
  const page = await open();
  await isFresh(page, 'live');
  await page.goto(`${gateway.url}?q=lumen#noted`);
  await isFresh(page, 'live');
  const asked = page.waitForResponse(`${gateway.url}api/stats`);
  gateway.refusing = true;
  gateway.cut();
  assert.equal((await asked).status(), 200);
  gateway.locked = true;
  gateway.refusing = false;
  await page.waitForURL(`${gateway.url}login?next=%2F%3Fq%3Dlumen#noted`);
  // The browser itself tells of every connection and request that was refused.
  assert.ok(complaints.splice(0).every((complaint) => /WebSocket|401/.test(complaint)));
});

test('says how long it has been silent, and recovers', async () => {
  const page = await open();
  await isFresh(page, 'live');
  gateway.silent = true;
  await isFresh(page, 'stale');
  await shows(page, '.link-status', /^Stalesince \d+s: no word from the gateway/);
  gateway.silent = false;
  await isFresh(page, 'live');
});

test('survives messages that make no sense', async () => {
  const page = await open();
  await isFresh(page, 'live');
  for (const nonsense of ['{', '[]', '{"type":"news"}', Buffer.from('binary')]) gateway.sendRaw(nonsense);
  await shows(page, '.link-status', /Messages not understood: 4\./);
  gateway.put(aSession({ ip: 'after nonsense' }));
  gateway.flush();
  await hasRows(page, [['Unknown', '–', '', '', 'after nonsense']]);
  assert.equal(complaints.splice(0).length, 1, 'the first one is told of');
});
