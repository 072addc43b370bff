// Reading the table and the details.
import { details, expect, expectRows, expectStatus, rows, rowWith, test, timeline } from './fixtures';
import { ADA, aSession, LUMEN } from './mock/contract.mjs';
import { describeProcesses } from './mock/demo-site.mjs';
import type { MockGateway } from './mock/gateway.mjs';
import { makeVisitor, random } from './mock/visitors.mjs';

declare global {
  // What a page notes for the test that opened it.
  var notifications: string[][];
  var looking: boolean;
  var shifts: string[];
}

const MINUTE = 60_000;

/** Puts unknown visitors on the site, the one named first as the latest. */
function arrive(gateway: MockGateway, ...guids: string[]): void {
  gateway.put(
    ...guids.map((guid, index) => aSession({ guid, ip: guid, openedAt: Date.now() - (index + 1) * MINUTE })),
  );
}

function row(ip: string): string[] {
  return ['Not identified', '–', '', '', ip];
}

test('holds the order under the pointer, marks who leaves, and counts what waits', async ({
  page,
  gateway,
}) => {
  arrive(gateway, 'first', 'second');
  await page.goto('/');
  await expectRows(page, [row('first'), row('second')]);
  await rows(page).first().hover();
  gateway.put(aSession({ guid: 'third', ip: 'third' }));
  gateway.remove('first');
  gateway.flush();
  const visitors = page.getByRole('region', { name: 'Visitors' });
  await expect(visitors).toContainText('Order held while you read1 came, 1 left, show');
  await expectRows(page, [row('first'), row('second')]);
  await expect(rowWith(page, 'first').getByRole('gridcell').last()).toHaveText('Left');
  await page.mouse.move(0, 0);
  await expectRows(page, [row('third'), row('second')]);
  await expect(visitors).not.toContainText('Order held');
});

test('keeps holding the order while the keyboard moves between rows', async ({ page, gateway }) => {
  arrive(gateway, 'first', 'second', 'third');
  await page.goto('/');
  await expectRows(page, [row('first'), row('second'), row('third')]);
  await rows(page).first().press('ArrowDown');
  await expect(rowWith(page, 'second')).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(rowWith(page, 'third')).toBeFocused();
  gateway.put(aSession({ guid: 'fourth', ip: 'fourth' }));
  gateway.flush();
  await expect(page.getByRole('region', { name: 'Visitors' })).toContainText('1 came, show');
  await expectRows(page, [row('first'), row('second'), row('third')]);
});

test('everything can be done by keyboard', async ({ page, gateway }) => {
  arrive(gateway, 'first', 'second', 'third');
  await page.goto('/');
  await expectRows(page, [row('first'), row('second'), row('third')]);
  await page.keyboard.press('/');
  await page.keyboard.type('ir');
  await expectRows(page, [row('first'), row('third')]);
  // Past the filters and the headings, into the rows.
  do await page.keyboard.press('Tab');
  while (!(await page.evaluate(() => document.activeElement?.role === 'row')));
  await page.keyboard.press('ArrowDown');
  await expect(rowWith(page, 'third')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(details(page).getByRole('heading', { level: 2 })).toHaveText('Unknown visitor');
  await expect(page).toHaveURL(/visitor=third/);
  await page.keyboard.press('Home');
  await expect(rowWith(page, 'first')).toBeFocused();
  await page.keyboard.press(' ');
  await expect(page).toHaveURL(/visitor=first/);
  await page.keyboard.press('Escape');
  await expect(details(page)).toHaveCount(0);
  await expect(page).not.toHaveURL(/visitor/);
});

test('lists in the details what the page has seen of a session, until the visitor leaves', async ({
  page,
  gateway,
}) => {
  gateway.put(aSession({ openedAt: Date.now() - MINUTE }));
  await page.goto('/');
  await rows(page).first().click();
  await expect(timeline(page)).toHaveText(/Was already here when this page opened.*Came to the website/);
  gateway.put(aSession({ openedAt: Date.now() - MINUTE, company: LUMEN, contact: ADA }));
  gateway.flush();
  await expect(details(page).getByRole('heading', { level: 2 })).toHaveText('Ada Quill');
  await expect(timeline(page)).toHaveText(/Identified as Lumen & Sons/);
  gateway.touch('a');
  gateway.flush();
  await expect(timeline(page)).toHaveText(/^[^a-z]*Was active/);
  gateway.remove('a', 'stale');
  gateway.flush();
  await expect(
    details(page).getByText('This visitor has left. These are the last known details.', { exact: true }),
  ).toBeVisible();
  await expect(timeline(page)).toHaveText(/Inactive for a while.*Was active.*Was already here/);
  await page.goBack();
  await expect(details(page)).toHaveCount(0);
});

test('says so when the visitor of a shared address is not there', async ({ page }) => {
  await page.goto('/?visitor=nobody');
  await expect(details(page).getByRole('heading', { level: 2 })).toHaveText('Not on the website');
});

test('copies email addresses and phone numbers', async ({ page, context, gateway }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  gateway.put(aSession({ company: LUMEN, contact: ADA }));
  await page.goto('/');
  await rows(page).first().getByText('Head of Sales').click();
  for (const text of ['ada@lumen.example', '+1-202-555-0173']) {
    await details(page)
      .getByRole('button', { name: `Copy ${text}` })
      .click();
    await expect(details(page).getByText('Copied').first()).toBeVisible();
    await expect(page.getByRole('log')).toContainText(`Copied ${text}`);
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);
  }
});

test('notifies of arrivals from watched companies once that is switched on', async ({ page, gateway }) => {
  await page.addInitScript(() => {
    globalThis.notifications = [];
    globalThis.looking = true;
    document.hasFocus = () => globalThis.looking;
    // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- stands in for the browser's class
    globalThis.Notification = class {
      static permission = 'default';
      static requestPermission() {
        this.permission = 'granted';
        return Promise.resolve('granted');
      }
      constructor(title: string, { body, tag }: { body: string; tag: string }) {
        globalThis.notifications.push([title, body, tag]);
      }
    } as unknown as typeof Notification;
  });
  await page.goto('/');
  await expectStatus(page, 'Live');
  await page.getByRole('button', { name: 'Watchlist' }).click();
  await page.getByLabel('Domain to watch').fill('lumen.example');
  await page.getByRole('button', { name: 'Watch', exact: true }).click();
  const watchlist = page.getByRole('dialog', { name: 'Watchlist' });
  const entry = watchlist.getByRole('listitem');
  await expect(entry).toHaveText('lumen.examplenot here');
  const visitorArrives = (guid: string) => {
    gateway.put(aSession({ guid, company: LUMEN }));
    gateway.flush();
  };
  visitorArrives('unannounced');
  await expect(entry).toHaveText('lumen.example1 here');
  await watchlist.getByRole('checkbox').check();
  await expect(watchlist).toContainText('Notifications of arrivals are on.');
  visitorArrives('seen by the reader');
  await expect(entry).toHaveText('lumen.example2 here');
  await page.evaluate(() => {
    globalThis.looking = false;
    window.dispatchEvent(new Event('blur'));
  });
  visitorArrives('announced');
  await expect(entry).toHaveText('lumen.example3 here');
  await expect.poll(() => page.evaluate(() => globalThis.notifications.length)).toBe(1);
  expect(await page.evaluate(() => globalThis.notifications)).toEqual([
    ['Lumen & Sons is on the website', 'lumen.example', 'lumen.example'],
  ]);
});

for (const [reducedMotion, animation, duration] of [
  ['no-preference', 'arrive', '0.25s'],
  ['reduce', 'none', '0s'],
] as const) {
  test(`rows move as asked for by prefers-reduced-motion: ${reducedMotion}`, async ({ page, gateway }) => {
    arrive(gateway, 'first');
    // Counts as new for as long as the test takes.
    gateway.put(aSession({ guid: 'new', ip: 'new', openedAt: Date.now() + 600_000 }));
    await page.emulateMedia({ reducedMotion });
    await page.goto('/');
    await expect(rowWith(page, 'new')).toHaveCSS('animation-name', animation);
    await expect(rowWith(page, 'new')).toHaveCSS('transition-duration', duration);
  });
}

for (const [size, viewport] of [
  ['a desktop', { width: 1440, height: 900 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`nothing shifts on ${size}, from the first paint to a busy table`, async ({ page, gateway }) => {
    gateway.processes = describeProcesses(false);
    await page.setViewportSize(viewport);
    await page.addInitScript(() => {
      globalThis.shifts = [];
      // Texts move as they change; what stands around them may not.
      const containers = 'main, main > *, main section > *, dl > div';
      new PerformanceObserver((list) => {
        const entries = list.getEntries() as (PerformanceEntry & { sources: { node: Node | null }[] })[];
        const moved = entries.flatMap(({ sources }) => sources.map(({ node }) => node));
        globalThis.shifts.push(
          ...moved
            .filter((node) => node instanceof Element)
            .filter((element) => element.matches(containers))
            .map(({ className }) => className),
        );
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto('/');
    const chance = random(5);
    await expectStatus(page, 'Live');
    for (let visitors = 0; visitors < 60; visitors += 1) {
      gateway.put(makeVisitor(chance));
      if (visitors % 6 === 0) gateway.flush();
    }
    gateway.beingIdentified = 1_200;
    gateway.flush();
    await expect(rows(page).nth(4)).toBeVisible();
    if (size === 'a desktop') {
      // Where there is room for it, not even a failure moves anything.
      gateway.processes = describeProcesses(true);
      gateway.flush();
      await expect(page.getByRole('banner').getByRole('status')).toContainText('are not identified');
    }
    await rows(page).nth(3).getByRole('gridcell').first().click();
    await expect(details(page)).toBeVisible();
    expect(await page.evaluate(() => globalThis.shifts)).toEqual([]);
  });
}
