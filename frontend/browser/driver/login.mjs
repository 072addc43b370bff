// Logs in and out at a real gateway in a real browser, as a person does.
// usage: node browser/driver/login.mjs chromium|firefox GATEWAY TOKEN [--proxy-port PORT] [--certificate FILE --key FILE]
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, TIMEOUT } from './launch.mjs';
import { Line } from './line.mjs';
import { Proxy } from './proxy.mjs';

const LIVE = '[data-freshness=live]';
const FORM = '#token';
/** An address with a query and a fragment. */
const REQUESTED = '/?q=lumen&group=company#noted';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'proxy-port': { type: 'string' },
    certificate: { type: 'string' },
    key: { type: 'string' },
  },
});
const [browserName, gateway, token] = positionals;

const proxy = await startProxy();
const profile = await mkdtemp(join(tmpdir(), 'login-'));
const browser = await launch(browserName, profile);
try {
  await logInAndOut(await browser.newPage());
} finally {
  await browser.close();
  proxy.stop();
  await rm(profile, { recursive: true, force: true });
}

/** Starts the proxy that the browser connects to. */
function startProxy() {
  const { 'proxy-port': port, certificate, key } = values;
  if (certificate) return Proxy.to(gateway, 0, { certificate, key });
  return port ? Proxy.to(gateway, Number(port)) : Line.to(gateway);
}

async function logInAndOut(page) {
  page.setDefaultTimeout(TIMEOUT);

  await page.goto(proxy.url + REQUESTED);
  await submit(page, 'wrong');
  await page.waitForSelector('[role=alert]');
  assert.match(await text(page, '[role=alert]'), /not the token/);

  await submit(page, token);
  await isAt(page, REQUESTED);

  // The login expires, and then the connection breaks.
  await loseCookies(page);
  proxy.cut();
  proxy.restore();
  await submit(page, token);
  await isAt(page, REQUESTED);

  const other = await openOtherSite();
  await page.goto(other.url);
  await Promise.all([page.waitForNavigation(), page.click('#link')]);
  await isAt(page, '/?q=linked');
  for (const form of ['log-in', 'log-out']) {
    await page.goto(other.url);
    const [answer] = await Promise.all([page.waitForNavigation(), page.click(`#${form}`)]);
    assert.equal(answer.status(), 403, `${form} by a page of another site`);
  }
  other.stop();
  await page.goto(`${proxy.url}/`);
  await isAt(page, '/');

  await (await page.waitForSelector('.menu-button')).click();
  const logOut = await page.waitForSelector('form[action="logout"] button');
  await Promise.all([page.waitForNavigation(), logOut.click()]);
  await page.waitForSelector(FORM);
  assert.deepEqual(await page.cookies(), [], 'no cookie is left');
  const answer = await page.goto(`${proxy.url}/`);
  assert.equal(answer.status(), 401);

  await page.goto(`${proxy.url}/login?next=${encodeURIComponent('//evil.example/')}`);
  await submit(page, token);
  await isAt(page, '/');
}

/** Waits for the form, fills it in and submits it. */
async function submit(page, word) {
  await page.waitForSelector(FORM);
  await page.type(FORM, word);
  await Promise.all([page.waitForNavigation(), page.click('button')]);
}

/** Waits until the page is live, and checks its address. */
async function isAt(page, address) {
  await page.waitForSelector(LIVE);
  assert.equal(page.url(), proxy.url + address);
}

async function loseCookies(page) {
  const cookies = await page.cookies();
  assert.deepEqual(cookies.map(({ name, httpOnly, secure }) => ({ name, httpOnly, secure })).sort(byName), [
    { name: 'visitor_logged_in', httpOnly: false, secure: proxy.url.startsWith('https:') },
    { name: 'visitor_pass', httpOnly: true, secure: proxy.url.startsWith('https:') },
  ]);
  await page.deleteCookie(...cookies);
}

function byName(one, other) {
  return one.name.localeCompare(other.name);
}

function text(page, selector) {
  return page.$eval(selector, (element) => element.textContent);
}

/** A page of another site: `localhost` and `127.0.0.1` are different sites to a browser. */
async function openOtherSite() {
  const page = `<!doctype html><title>Other</title><a id="link" href="${proxy.url}/?q=linked">Visitors</a>
    <form method="post" action="${proxy.url}/login"><input name="token" value="${token}">
    <button id="log-in">Log in</button></form>
    <form method="post" action="${proxy.url}/logout"><button id="log-out">Log out</button></form>`;
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://localhost:${server.address().port}/`, stop };
}
