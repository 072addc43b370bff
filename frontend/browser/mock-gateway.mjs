// A gateway without a pipeline behind it: it serves the built page and speaks the gateway's protocol by a
// test's script.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const ASSETS = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
// As strict as can be, so that a page that needs more than this fails here.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
const HEARTBEAT = 1_000;
// Stands for the form only as the place that the page leaves for; logging in is tested with the real gateway.
// With the page's icon, since the browser would look for another one.
const LOGIN = '<!doctype html><link rel="icon" href="/favicon.svg"><title>Log in</title>';

export class MockGateway {
  /** Messages that the page sent, parsed. */
  requests = [];
  /** Sends nothing, not even to those who have just connected. */
  silent = false;
  /** Turns connections away. */
  refusing = false;
  /** Holds every pass for expired. */
  locked = false;
  processes = [];
  lookups = {
    paid: 0,
    failed: 0,
    paidForHidden: 0,
    savedByCache: 0,
    savedByFleet: 0,
    savedBySharing: 0,
    spent: 0,
  };
  beingIdentified = 0;

  #sessions = new Map();
  /** Visitors of each company, the sum of the former, and the sum of all times of opening. */
  #companies = new Map();
  #identified = 0;
  #openings = 0;
  #revision = 1;
  #pending = { changed: [], touched: [], removed: [] };
  #http = createServer((request, response) => void this.#answer(request, response));
  #sockets = new WebSocketServer({ noServer: true });
  #heartbeat;

  /** Listens on `port` of the loopback interface, or on any free one. */
  static async start(port = 0) {
    if (!existsSync(ASSETS)) throw new Error('there is no page to serve; build it first: npm run build');
    const gateway = new MockGateway();
    gateway.#http.on('upgrade', (request, socket, head) => {
      if (gateway.refusing) socket.destroy();
      else if (gateway.locked) socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      else gateway.#sockets.handleUpgrade(request, socket, head, (client) => gateway.#welcome(client));
    });
    gateway.#http.listen(port, '127.0.0.1');
    await once(gateway.#http, 'listening');
    gateway.#heartbeat = setInterval(() => gateway.flush(), HEARTBEAT);
    return gateway;
  }

  get url() {
    return `http://127.0.0.1:${this.#http.address().port}/`;
  }

  /** Makes a session new or different, from the next flush on. */
  put(...sessions) {
    for (const session of sessions) {
      this.#count(this.#sessions.get(session.guid), -1);
      this.#count(session, 1);
      this.#sessions.set(session.guid, session);
      this.#pending.changed.push(session);
    }
  }

  touch(guid, at = Date.now()) {
    this.#sessions.get(guid).lastActivityAt = at;
    this.#pending.touched.push([guid, at]);
  }

  remove(guid, reason = 'closed') {
    this.#count(this.#sessions.get(guid), -1);
    this.#sessions.delete(guid);
    this.#pending.removed.push([guid, reason]);
  }

  /** Sends what is new, or that nothing is. */
  flush() {
    const delta = this.#frame('delta', this.#pending);
    this.#pending = { changed: [], touched: [], removed: [] };
    this.sendRaw(JSON.stringify(delta));
  }

  /** Lets a frame get lost on the way. */
  lose() {
    this.#revision += 1;
    this.#pending = { changed: [], touched: [], removed: [] };
  }

  sendRaw(data) {
    if (this.silent) return;
    for (const client of this.#sockets.clients) client.send(data);
  }

  /** Cuts every connection without a word. */
  cut() {
    for (const client of this.#sockets.clients) client.terminate();
  }

  async stop() {
    clearInterval(this.#heartbeat);
    this.cut();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  #answer(request, response) {
    if (request.url === '/api/stats') response.writeHead(this.locked ? 401 : 200).end();
    else if (request.url.startsWith('/login?'))
      response.writeHead(200, { 'Content-Type': TYPES['.html'] }).end(LOGIN);
    else return serve(request, response);
  }

  #welcome(client) {
    client.on('message', (data) => {
      const request = JSON.parse(data.toString());
      this.requests.push(request);
      if (request.type === 'snapshot') this.#sendSnapshot(client);
    });
    this.#sendSnapshot(client);
  }

  #sendSnapshot(client) {
    if (this.silent) return;
    // Others have not heard of what is pending; this one must not hear of it twice.
    this.flush();
    client.send(JSON.stringify(this.#frame('snapshot', { sessions: [...this.#sessions.values()] })));
  }

  #frame(type, content) {
    if (type === 'delta') this.#revision += 1;
    const now = Date.now();
    return {
      type,
      revision: this.#revision,
      now,
      ...content,
      stats: this.#stats(now),
      pipeline: {
        processes: this.processes.map((status) => ({ ...status, at: now })),
        lookups: this.lookups,
      },
    };
  }

  /** As the gateway does it, by sums, so that a frame of many sessions costs no more than one of few. */
  #stats(now) {
    const active = this.#sessions.size;
    const companies = this.#companies.size;
    return {
      activeSessions: active,
      beingIdentified: this.beingIdentified,
      companies,
      averageVisitorsPerCompany: companies === 0 ? 0 : this.#identified / companies,
      averageSessionSeconds: active === 0 ? 0 : (now - this.#openings / active) / 1_000,
    };
  }

  #count(session, by) {
    if (session === undefined) return;
    this.#openings += by * session.openedAt;
    if (session.company === null) return;
    this.#identified += by;
    const { guid } = session.company;
    const visitors = (this.#companies.get(guid) ?? 0) + by;
    if (visitors > 0) this.#companies.set(guid, visitors);
    else this.#companies.delete(guid);
  }
}

async function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  const path = join(ASSETS, normalize(pathname === '/' ? '/index.html' : pathname));
  try {
    const body = await readFile(path);
    response.writeHead(200, {
      'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream',
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}
