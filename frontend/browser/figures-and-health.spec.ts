// The figures above the table, and the health of the pipeline.
import { cell, expect, expectStatus, figure, openSystemStatus, rows, test } from './fixtures';
import { aGateway, anEnricher, anIngestor, aSession, LUMEN } from './mock/contract.mjs';

test.describe('figures', () => {
  test('average over the visitors shown, and show a dash where there are none', async ({ page, gateway }) => {
    await page.goto('/');
    await expect(figure(page, 'Visitors per company')).toHaveText('–');
    await expect(figure(page, 'Session duration')).toHaveText('–');

    const openedAt = Date.now() - 3_600_000;
    gateway.put(...['a', 'b', 'c'].map((guid) => aSession({ guid, openedAt, company: LUMEN })));
    gateway.put(aSession({ guid: 'd', openedAt, company: { ...LUMEN, guid: 'company-2' } }));
    gateway.put(aSession({ guid: 'e', openedAt }));
    gateway.beingIdentified = 4;
    gateway.flush();
    await expect(figure(page, 'Active visitors')).toHaveText('5');
    await expect(figure(page, 'Being identified')).toHaveText('4');
    await expect(figure(page, 'Companies')).toHaveText('2');
    await expect(figure(page, 'Visitors per company')).toHaveText('2.00');
    await expect(figure(page, 'Session duration')).toHaveText(/^1h 00m \d\ds$/);
  });

  test('show what lookups cost and what saved calls', async ({ page, gateway }) => {
    await page.goto('/');
    await expect(figure(page, 'Spent on lookups')).toHaveText('0.00');
    gateway.lookups = { ...gateway.lookups, paid: 25, savedByCache: 50, savedByFleet: 25, spent: 0.25 };
    await expect(figure(page, 'Spent on lookups')).toHaveText('0.25');
    await expect(page.getByRole('definition').last()).toHaveText('75% answered from cache');
  });

  test.describe('on a tablet, in German', () => {
    test.use({ viewport: { width: 768, height: 1024 }, locale: 'de-DE' });

    test('are not cut off', async ({ page, gateway }) => {
      gateway.put(aSession({ openedAt: Date.now() - 45_296_000 }));
      await page.goto('/');
      await expect(figure(page, 'Sitzungsdauer')).toHaveText(/^12h 3\dm \d\ds$/);
      const cutOff = await page
        .locator('.figure :is(dt, dd:not(.trace))')
        .evaluateAll((parts) =>
          parts.filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.textContent),
        );
      expect(cutOff).toEqual([]);
    });
  });

  test('and ages ignore the clock of the browser', async ({ page, gateway }) => {
    gateway.put(aSession({ openedAt: Date.now() - 60_000, lastActivityAt: Date.now() - 60_000 }));
    await page.addInitScript(() => {
      const fiveMinutes = 300_000;
      const RealDate = Date;
      globalThis.Date = class extends RealDate {
        constructor(at = RealDate.now() + fiveMinutes) {
          super(at);
        }
        static override now() {
          return RealDate.now() + fiveMinutes;
        }
      } as DateConstructor;
    });
    await page.goto('/');
    const ahead = (await page.evaluate(() => Date.now())) - Date.now();
    expect(ahead, 'the clock was not set wrong').toBeGreaterThan(200_000);
    await expect(cell(rows(page).first(), 'On site')).toHaveText(/^1m \d\ds$/);
    await expect(cell(rows(page).first(), 'Last active')).toHaveText(/^1m \d\ds$/);
    await expect(figure(page, 'Session duration')).toHaveText(/^1m \d\ds$/);
  });
});

test.describe('system status', () => {
  test('shows which process is not ready, and why, while the list is right', async ({ page, gateway }) => {
    gateway.processes = [
      anIngestor(),
      anEnricher(),
      aGateway({ instance: 'web-1' }),
      aGateway({ instance: 'web-2', ready: false, reason: 'NATS is away' }),
    ];
    await page.goto('/');
    await expectStatus(page, 'Live');
    const status = await openSystemStatus(page);
    await expect(status).toContainText('Gateways 1 of 2 ready');
    await expect(status).toContainText('gateway web-2: not ready');
    await expect(status.getByText('NATS is away')).toBeVisible();
  });

  test.describe('in German', () => {
    test.use({ locale: 'de-DE' });

    test('explains reasons, and quotes the English ones as such', async ({ page, gateway }) => {
      const cause = 'deanonymizer: cannot connect to 127.0.0.1:4830: Connection refused';
      gateway.processes = [
        anIngestor({ ready: false, reason: 'nats: not connected: Connection refused' }),
        anEnricher({ breaker: 'open', lookupsHeldBack: 'the Deanonymizer does not answer', reason: cause }),
      ];
      await page.goto('/');
      await expectStatus(page, 'Neue Besucher werden zurzeit nicht erkannt. Die Liste unten stimmt.');
      await page.getByRole('button', { name: 'Systemstatus' }).click();
      const status = page.getByRole('dialog', { name: 'Systemstatus' });
      await expect(status).toContainText('Der Deanonymizer antwortet nicht');
      await expect(status).toContainText('keine Verbindung zu NATS');
      await expect(status.getByText(cause)).toHaveAttribute('lang', 'en');
      await expect(status.getByText('nats: not connected')).toHaveAttribute('lang', 'en');
    });
  });

  test('does not say that everything is ready while no visitor is identified', async ({ page, gateway }) => {
    gateway.processes = [
      anIngestor(),
      anEnricher({ breaker: 'open', lookupsHeldBack: 'the Deanonymizer does not answer' }),
    ];
    await page.goto('/');
    const status = await openSystemStatus(page);
    await expect(status).toContainText('The Deanonymizer does not answer');
    await expect(status).not.toContainText('Everything is ready');
  });

  test('and one sentence for sellers say that visitors wait for the Deanonymizer', async ({
    page,
    gateway,
  }) => {
    const enricher = anEnricher({
      beingIdentified: 12,
      breaker: 'open',
      lookupsHeldBack: 'the Deanonymizer does not answer',
    });
    gateway.processes = [anIngestor(), enricher];
    gateway.beingIdentified = 12;
    gateway.put(aSession({ unidentified: true }));
    await page.goto('/');
    await expectStatus(page, 'New visitors are not identified at the moment. The list below is correct.');
    const states = (await openSystemStatus(page)).getByRole('list').nth(-2).getByRole('listitem');
    await expect(states.nth(1)).toHaveText('The Deanonymizer does not answer');
    await expect(states.nth(1)).toHaveAttribute('data-severity', 'failing');
    await expect(states.last()).toHaveText('12 being identified');
    await expect(cell(rows(page).first(), 'Contact')).toHaveText('Not identified yet');

    gateway.processes = [anIngestor(), { ...enricher, breaker: 'closed', lookupsHeldBack: null }];
    gateway.put(aSession({ company: LUMEN }));
    await expect(states.nth(1)).toHaveText('Deanonymizer answers');
    await expect(states.nth(1)).toHaveAttribute('data-severity', 'ok');
    await expect(cell(rows(page).first(), 'Company')).toHaveText('Lumen & Sonslumen.example');
    await expectStatus(page, 'Live');
  });
});
