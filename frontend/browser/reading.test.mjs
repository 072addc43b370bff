// Reading the table and the details, in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADA, aSession, eventually, gateway, hasRows, isFresh, LUMEN, open, ROWS, shows } from './stage.mjs';
import { describeProcesses } from './showcase.mjs';
import { makeVisitor, random } from './visitors.mjs';

const MINUTE = 60_000;

function seat(...guids) {
  gateway.put(
    ...guids.map((guid, index) => aSession({ guid, ip: guid, openedAt: Date.now() - (index + 1) * MINUTE })),
  );
}

function row(ip) {
  return ['Unknown', '–', '', '', ip];
}

test('holds the order while the pointer is over the rows, marks who leaves, and says what waits', async () => {
  seat('first', 'second');
  const page = await open();
  await hasRows(page, [row('first'), row('second')]);
  await page.locator(ROWS).first().hover();
  gateway.put(aSession({ guid: 'third', ip: 'third' }));
  gateway.remove('first');
  gateway.flush();
  await shows(page, '.held', 'Order held while you read1 came, 1 left, show');
  await hasRows(page, [row('first'), row('second')]);
  await shows(page, '.row[data-left] .active', 'Left');
  await page.mouse.move(0, 0);
  await hasRows(page, [row('third'), row('second')]);
  assert.equal(await page.locator('.held').count(), 0);
});

test('is used by keyboard alone', async () => {
  seat('first', 'second', 'third');
  const page = await open();
  await hasRows(page, [row('first'), row('second'), row('third')]);
  await page.keyboard.press('/');
  await page.keyboard.type('i');
  await hasRows(page, [row('first'), row('third')]);
  // Past the filters and the headings, into the rows.
  for (;;) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.role === 'row')) break;
  }
  await page.keyboard.press('ArrowDown');
  await eventually(async () => assert.equal(await focusedIp(page), 'third'));
  await page.keyboard.press('Enter');
  await shows(page, '.details h2', 'Unknown visitor');
  await eventually(() => assert.match(page.url(), /visitor=third/));
  await page.keyboard.press('Home');
  await eventually(async () => assert.equal(await focusedIp(page), 'first'));
  await page.keyboard.press(' ');
  await eventually(() => assert.match(page.url(), /visitor=first/));
  await page.keyboard.press('Escape');
  await eventually(async () => assert.equal(await page.locator('.details').count(), 0));
  await eventually(() => assert.doesNotMatch(page.url(), /visitor/));
});

function focusedIp(page) {
  return page.evaluate(() => document.activeElement.querySelector('.ip')?.textContent);
}

test('tells in the details what it saw of a session, until the visitor leaves', async () => {
  gateway.put(aSession({ openedAt: Date.now() - MINUTE }));
  const page = await open();
  await page.locator(ROWS).first().click();
  await shows(page, '.timeline', /Was there when this page opened.*Opened the session/);
  gateway.put(aSession({ openedAt: Date.now() - MINUTE, company: LUMEN, contact: ADA }));
  gateway.flush();
  await shows(page, '.details h2', 'Ada Quill');
  await shows(page, '.timeline', /Identified as Lumen & Sons/);
  gateway.touch('a');
  gateway.flush();
  await shows(page, '.timeline', /^[^a-z]*Was active/);
  gateway.remove('a', 'stale');
  gateway.flush();
  await shows(page, '.has-left', 'This visitor has left. This is what was known last.');
  await shows(page, '.timeline', /Gone silent.*Was active.*Was there/);
  await page.goBack();
  await eventually(async () => assert.equal(await page.locator('.details').count(), 0));
});

test('says so where a shared visitor is not there', async () => {
  const page = await open();
  await page.goto(`${gateway.url}?visitor=nobody`);
  await shows(page, '.details h2', 'Not on the website');
});

test('copies addresses and numbers', async () => {
  gateway.put(aSession({ company: LUMEN, contact: ADA }));
  const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.locator(`${ROWS} .contact`).first().click();
  for (const text of ['ada@lumen.example', '+1-202-555-0173']) {
    await page.getByRole('button', { name: `Copy ${text}` }).click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  }
});

test('tells outside the page that somebody awaited arrives, if that is wanted', async () => {
  const page = await open({}, () => {
    globalThis.notices = [];
    globalThis.Notification = class {
      static permission = 'default';
      static requestPermission() {
        this.permission = 'granted';
        return Promise.resolve('granted');
      }
      constructor(title, { body, tag }) {
        globalThis.notices.push([title, body, tag]);
      }
    };
  });
  await isFresh(page, 'live');
  await page.getByRole('button', { name: 'Watchlist' }).click();
  await page.getByLabel('Domain to watch').fill('lumen.example');
  await page.getByRole('button', { name: 'Watch', exact: true }).click();
  await shows(page, '.watched', 'lumen.examplenot here');
  const arrive = (guid) => {
    gateway.put(aSession({ guid, company: LUMEN }));
    gateway.flush();
  };
  arrive('unannounced');
  await shows(page, '.watched', 'lumen.example1 here');
  await page.getByRole('checkbox').check();
  await shows(page, '.notice-choice', 'The browser tells of arrivals.');
  arrive('announced');
  await shows(page, '.watched', 'lumen.example2 here');
  const notices = await page.evaluate(() => globalThis.notices);
  assert.deepEqual(notices, [['Lumen & Sons is on the website', 'lumen.example', 'lumen.example']]);
});

test('moves nothing for those who have asked for less motion', async () => {
  seat('first');
  // New for as long as the test takes.
  gateway.put(aSession({ guid: 'new', ip: 'new', openedAt: Date.now() + 600_000 }));
  const motions = async (reducedMotion) => {
    const page = await open({ reducedMotion });
    await page.locator('.row[data-new]').waitFor();
    return page.locator('.row[data-new]').evaluate((found) => {
      const { animationName, transitionDuration } = getComputedStyle(found);
      return [animationName, transitionDuration];
    });
  };
  assert.deepEqual(await motions('no-preference'), ['arrive', '0.25s']);
  assert.deepEqual(await motions('reduce'), ['none', '0s']);
});

for (const [size, viewport] of [
  ['a desk', { width: 1440, height: 900 }],
  ['a phone', { width: 390, height: 844 }],
]) {
  test(`shifts nothing on ${size}, from the first paint to a busy day`, async () => {
    gateway.processes = describeProcesses(false);
    const page = await open({ viewport }, () => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => {
        // Words move as they change; what stands around them may not.
        const moved = list.getEntries().flatMap(({ sources }) => sources.map(({ node }) => node));
        globalThis.shifts.push(
          ...moved
            .filter((node) => node?.matches?.('main, main > *, .toolbar, .visitors, .figure, .shown'))
            .map(({ className }) => className),
        );
      }).observe({ type: 'layout-shift', buffered: true });
    });
    const chance = random(5);
    await isFresh(page, 'live');
    for (let visitors = 0; visitors < 60; visitors += 1) {
      gateway.put(makeVisitor(chance));
      if (visitors % 6 === 0) gateway.flush();
    }
    gateway.beingIdentified = 1_200;
    gateway.flush();
    await page.locator(ROWS).nth(4).waitFor();
    if (size === 'a desk') {
      // Where there is room for it, not even trouble moves anything.
      gateway.processes = describeProcesses(true);
      gateway.flush();
      await page.locator('.troubles').waitFor();
    }
    await page.locator('.row.visitor .contact').nth(3).click();
    await page.locator('.details').waitFor();
    assert.deepEqual(await page.evaluate(() => globalThis.shifts), []);
  });
}
