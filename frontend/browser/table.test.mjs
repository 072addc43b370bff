// The table of visitors in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ADA,
  aSession,
  eventually,
  gateway,
  hasRows,
  LUMEN,
  open,
  ROWS,
  scroll,
  shows,
  showsFigure,
  textOf,
} from './stage.mjs';
import { makeVisitor, random } from './visitors.mjs';

test('shows visitors as they come, tick, change and leave', async () => {
  const page = await open();
  await shows(page, '.no-rows h2', 'Nobody is on the website right now');

  gateway.put(aSession({ guid: 'first', openedAt: Date.now() - 60_000 }));
  gateway.flush();
  await hasRows(page, [['Unknown', '–', '', '', '203.0.113.7']]);
  const age = await textOf(page, `${ROWS} .opened`);
  await eventually(async () => assert.notEqual(await textOf(page, `${ROWS} .opened`), age));

  gateway.put(aSession({ guid: 'second', ip: '2001:db8::1', company: LUMEN, contact: ADA }));
  gateway.flush();
  const ada = ['Lumen & Sonslumen.example', 'Ada QuillHead of Sales', 'ada@lumen.example', '+1-202-555-0173'];
  await hasRows(page, [
    [...ada, '2001:db8::1'],
    ['Unknown', '–', '', '', '203.0.113.7'],
  ]);

  gateway.put(aSession({ guid: 'first', openedAt: Date.now() - 60_000, company: LUMEN }));
  gateway.remove('second');
  gateway.flush();
  await hasRows(page, [['Lumen & Sonslumen.example', '–', '', '', '203.0.113.7']]);

  gateway.remove('first', 'stale');
  gateway.flush();
  await hasRows(page, []);
});

test('starts the time since the last activity anew with each activity', async () => {
  gateway.put(aSession({ guid: 'a', openedAt: Date.now() - 600_000, lastActivityAt: Date.now() - 300_000 }));
  const page = await open();
  await eventually(async () => assert.match(await textOf(page, `${ROWS} .active`), /^5m \d\ds$/));
  gateway.touch('a');
  gateway.flush();
  await eventually(async () => assert.match(await textOf(page, `${ROWS} .active`), /^\ds$/));
  assert.match(await textOf(page, `${ROWS} .opened`), /^10m \d\ds$/);
});

test('shows what third parties call themselves as text', async () => {
  const name = '<script>document.title = "taken"</script><img src=x onerror="document.title = 1">';
  const company = { guid: 'c', name, domain: 'javascript:alert(1)' };
  gateway.put(aSession({ company, contact: { ...ADA, name, emailAddresses: [name], phoneNumbers: [name] } }));
  const page = await open();
  await shows(page, `${ROWS} .company .strong`, name);
  assert.equal(await page.locator(`${ROWS} :is(script, img, a)`).count(), 0);
  assert.equal(await page.title(), 'On the website right now');
});

test('renders a window of thousands of rows, and any of them when scrolled to', async () => {
  const sessions = Array.from({ length: 5_000 }, (_, index) =>
    aSession({
      guid: `guid-${index}`,
      ip: `10.0.${index >> 8}.${index & 255}`,
      openedAt: Date.now() - index,
    }),
  );
  gateway.put(...sessions);
  const page = await open();
  await shows(page, `${ROWS} .ip`, '10.0.0.0');
  await showsFigure(page, 'Active visitors', '5,000');
  assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), '5001');
  assert.ok((await page.locator(ROWS).count()) < 50);

  await scroll(page, 1e9);
  await page.locator(ROWS, { hasText: '10.0.19.135' }).waitFor();
  assert.ok((await page.locator(ROWS).count()) < 50);
  assert.equal(await page.locator(`${ROWS} >> nth=-1`).getAttribute('aria-rowindex'), '5001');
});

test('leaves a row that is being read where it is, while others come and go above it', async () => {
  const chance = random(1);
  const visitors = Array.from({ length: 200 }, (_, index) => ({
    ...makeVisitor(chance, (index + 1) * 10_000),
    ip: `10.0.0.${index}`,
  }));
  gateway.put(...visitors);
  const page = await open();
  await page.locator(ROWS).first().waitFor();
  await scroll(page, 5_000);
  const ip = await eventually(() =>
    page.evaluate(
      () => document.elementFromPoint(640, 600).closest('[role=row]').querySelector('.ip').textContent,
    ),
  );
  const read = page.locator(ROWS, { has: page.locator(`.ip:text-is("${ip}")`) });
  const { y } = await read.boundingBox();

  gateway.put(...Array.from({ length: 7 }, () => makeVisitor(chance)));
  for (const gone of visitors.slice(20, 25)) gateway.remove(gone.guid);
  gateway.flush();
  await showsFigure(page, 'Active visitors', '202');
  await eventually(async () => assert.equal((await read.boundingBox()).y, y));
  await scroll(page, 0);
  await page.locator('.visitors-body [aria-rowindex="2"]').waitFor();
  gateway.put(aSession({ guid: 'newest', ip: 'newest' }));
  gateway.flush();
  await shows(page, '.visitors-body [aria-rowindex="2"] .ip', 'newest');
  assert.equal(await page.locator('.visitors').evaluate((element) => element.scrollTop), 0);
});

for (const width of [1280, 820, 390]) {
  test(`gives rows of every kind the height that they need when it becomes ${width} pixels wide`, async () => {
    const chance = random(2);
    gateway.put(...Array.from({ length: 40 }, (_, index) => makeVisitor(chance, index * 10_000)));
    const page = await open({ viewport: { width: 1100, height: 8_000 } });
    await page.locator(ROWS).nth(30).waitFor();
    await page.setViewportSize({ width, height: 8_000 });
    await eventually(async () => {
      const misfits = await page.locator(ROWS).evaluateAll((rows) =>
        rows
          .filter((row) => {
            const below = Math.max(...[...row.children].map((cell) => cell.offsetTop + cell.scrollHeight));
            return below > row.clientHeight;
          })
          .map((row) => row.innerText),
      );
      assert.deepEqual(misfits, []);
    });
    const [inner, outer] = await page.evaluate(() => [document.body.scrollWidth, window.innerWidth]);
    assert.ok(inner <= outer, `the page is ${inner} pixels wide`);
  });
}
