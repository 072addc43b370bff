// What surrounds the table, and the page as a whole, in a real browser.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aSession, eventually, gateway, LUMEN, open, ROWS, shows, showsFigure, textOf } from './stage.mjs';

describe('the figures', () => {
  test('average over the visitors shown, and over nothing if there are none', async () => {
    const page = await open();
    await showsFigure(page, 'Visitors per company', '–');
    await showsFigure(page, 'Session duration', '–');

    const openedAt = Date.now() - 3_600_000;
    gateway.put(...['a', 'b', 'c'].map((guid) => aSession({ guid, openedAt, company: LUMEN })));
    gateway.put(aSession({ guid: 'd', openedAt, company: { ...LUMEN, guid: 'company-2' } }));
    gateway.put(aSession({ guid: 'e', openedAt }));
    gateway.beingIdentified = 4;
    gateway.flush();
    await showsFigure(page, 'Active visitors', '5');
    await showsFigure(page, 'Being identified', '4');
    await showsFigure(page, 'Companies', '2');
    await showsFigure(page, 'Visitors per company', '2.0');
    await showsFigure(page, 'Session duration', /^1h 00m \d\ds$/);
  });

  test('tell what lookups cost, and what saved them', async () => {
    const page = await open();
    await showsFigure(page, 'Spent on lookups', '0.00');
    gateway.lookups = { ...gateway.lookups, paid: 25, savedByCache: 50, savedByFleet: 25, spent: 0.25 };
    await showsFigure(page, 'Spent on lookups', '0.25');
    await shows(page, '.calls', '25 calls paid, 75 saved (75%) 50 cached, 25 by fleet, 0 shared');
  });

  test('and ages do not care about the browser’s own clock', async () => {
    gateway.put(aSession({ openedAt: Date.now() - 60_000, lastActivityAt: Date.now() - 60_000 }));
    const page = await open({}, () => {
      const fiveMinutes = 300_000;
      const RealDate = Date;
      globalThis.Date = class extends RealDate {
        constructor(...parts) {
          super(...(parts.length === 0 ? [RealDate.now() + fiveMinutes] : parts));
        }
        static now() {
          return RealDate.now() + fiveMinutes;
        }
      };
    });
    const ahead = (await page.evaluate(() => Date.now())) - Date.now();
    assert.ok(ahead > 200_000, 'the clock was not set wrong');
    await eventually(async () => assert.match(await textOf(page, `${ROWS} .opened`), /^1m \d\ds$/));
    assert.match(await textOf(page, `${ROWS} .active`), /^1m \d\ds$/);
    await showsFigure(page, 'Session duration', /^1m \d\ds$/);
  });
});

describe('the pipeline', () => {
  test('shows who is not ready, and why', async () => {
    const status = {
      process: 'gateway',
      instance: 'web-1',
      startedAt: Date.now(),
      ready: true,
      reason: null,
    };
    gateway.processes = [status, { ...status, instance: 'web-2', ready: false, reason: 'NATS is away' }];
    const page = await open();
    await shows(page, '.crews', /Gateways 1 of 2 ready/);
    await page.locator('.troubles').click();
    await shows(page, '.all-troubles', /gateway web-2 NATS is away/);
  });

  test('tells when visitors wait for the Deanonymizer', async () => {
    const enricher = {
      process: 'enricher',
      instance: 'web-1',
      startedAt: Date.now(),
      ready: true,
      reason: null,
      beingIdentified: 12,
      eventsHandled: 0,
      queueWaiting: 0,
      lookups: gateway.lookups,
      breaker: 'open',
      lookupConcurrency: 1,
      lookupsHeldBack: 'the Deanonymizer does not answer',
    };
    gateway.processes = [enricher];
    gateway.beingIdentified = 12;
    gateway.put(aSession({ unidentified: true }));
    const page = await open();
    await shows(page, '.crews [data-mood=bad]:nth-child(2)', 'The Deanonymizer does not answer');
    await shows(page, '.crews :last-child', '12 being identified');
    await shows(page, `${ROWS} .company`, 'Not identified yet');

    gateway.processes = [{ ...enricher, breaker: 'closed', lookupsHeldBack: null }];
    gateway.put(aSession({ company: LUMEN }));
    await shows(page, '.crews [data-mood=good]:nth-child(2)', 'Deanonymizer answers');
    await shows(page, `${ROWS} .company`, 'Lumen & Sonslumen.example');
  });
});
