// A gateway without a pipeline: it serves the built page, and sends the frames that a test asks for.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { NO_LOOKUPS } from './contract.mjs';

/** @typedef {import('../../src/feed/frame').Delta} Delta */
/** @typedef {import('../../src/feed/frame').Session} Session */
/** @typedef {import('../../src/feed/frame').Snapshot} Snapshot */
/** @typedef {import('../../src/feed/frame').Stats} Stats */
/** @typedef {import('../../src/feed/status').Pipeline} Pipeline */
/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */

const ASSETS = fileURLToPath(new URL('../../dist', import.meta.url));
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
// The strictest policy that the page works with, so that a change that needs more fails here.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
/** What the API answers that no test is about. @type {Record<string, object>} */
const ANSWERS = {
  '/api/history': { intervalSeconds: 10, points: [] },
  '/api/watchlist': { entries: [] },
};
/** Milliseconds between two frames while nothing happens. */
const HEARTBEAT_INTERVAL = 1_000;
// Only a target for the redirect: logging in is tested with the real gateway. The icon keeps the browser from asking
// for another one.
const LOGIN = '<!doctype html><link rel="icon" href="/favicon.svg"><title>Log in</title>';

export class MockGateway {
  /**
   * Messages that the page sent, parsed.
   *
   * @type {{ type: string }[]}
   */
  requests = [];
  /** Sends nothing, not even to a client that has just connected. */
  silent = false;
  /** Refuses connections. */
  refusing = false;
  /** Answers 401 to everybody. */
  locked = false;
  /** @type {Pipeline['processes']} */
  processes = [];
  lookups = NO_LOOKUPS;
  /** @type {string | undefined} */
  currency;
  beingIdentified = 0;

  /** @type {Map<string, Session>} */
  #sessions = new Map();
  /** How many visitors each company has, by its GUID. @type {Map<string, number>} */
  #companies = new Map();
  #identified = 0;
  /** The sum of all opening times, from which the mean duration follows. */
  #openings = 0;
  #revision = 1;
  #pending = noChanges();
  #http = createServer((request, response) => void this.#answer(request, response));
  #sockets = new WebSocketServer({ noServer: true });
  /** @type {NodeJS.Timeout | undefined} */
  #heartbeat;

  /** Listens on `port` of the loopback interface, or on any free one. */
  static async start(port = 0) {
    if (!existsSync(ASSETS)) throw new Error('there is no page to serve; build it first: npm run build');
    const gateway = new MockGateway();
    gateway.#http.on('upgrade', (request, socket, head) => {
      if (gateway.refusing) socket.destroy();
      else if (gateway.locked) socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      else gateway.#sockets.handleUpgrade(request, socket, head, (client) => gateway.#accept(client));
    });
    gateway.#http.listen(port, '127.0.0.1');
    await once(gateway.#http, 'listening');
    gateway.#heartbeat = setInterval(() => gateway.flush(), HEARTBEAT_INTERVAL);
    return gateway;
  }

  get url() {
    const address = this.#http.address();
    if (address === null || typeof address === 'string') throw new Error('the gateway does not listen');
    return `http://127.0.0.1:${address.port}/`;
  }

  /**
   * Adds or replaces sessions; the next flush sends them.
   *
   * @param {...Session} sessions
   */
  put(...sessions) {
    for (const session of sessions) {
      this.#count(this.#sessions.get(session.guid), -1);
      this.#count(session, 1);
      this.#sessions.set(session.guid, session);
      this.#pending.changed.push(session);
    }
  }

  /** @param {string} guid */
  touch(guid, at = Date.now()) {
    const session = this.#sessions.get(guid);
    if (!session) throw new Error(`there is no session ${guid}`);
    session.lastActivityAt = at;
    this.#pending.touched.push([guid, at]);
  }

  /** @param {string} guid */
  remove(guid, reason = 'closed') {
    this.#count(this.#sessions.get(guid), -1);
    this.#sessions.delete(guid);
    this.#pending.removed.push([guid, reason]);
  }

  /** Sends a delta with what has changed since the last one, even if that is nothing. */
  flush() {
    this.#revision += 1;
    const delta = /** @type {Delta} */ ({ type: 'delta', ...this.#frame(), ...this.#pending });
    this.#pending = noChanges();
    this.sendRaw(JSON.stringify(delta));
  }

  /** Drops the next delta: clients see a gap in the revisions. */
  loseDelta() {
    this.#revision += 1;
    this.#pending = noChanges();
  }

  /** @param {string | Buffer} data */
  sendRaw(data) {
    if (this.silent) return;
    for (const client of this.#sockets.clients) client.send(data);
  }

  /** Ends every connection without a closing handshake. */
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

  /**
   * @param {IncomingMessage} request
   * @param {ServerResponse} response
   */
  async #answer(request, response) {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const answer = ANSWERS[pathname];
    if (answer) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    else if (pathname === '/api/stats') response.writeHead(this.locked ? 401 : 200).end();
    else if (pathname === '/login') response.writeHead(200, { 'Content-Type': TYPES['.html'] }).end(LOGIN);
    else await serve(pathname, response);
  }

  /** @param {import('ws').WebSocket} client */
  #accept(client) {
    client.on('message', (/** @type {Buffer} */ data) => {
      const request = /** @type {{ type: string }} */ (JSON.parse(data.toString()));
      this.requests.push(request);
      if (request.type === 'snapshot') this.#sendSnapshot(client);
    });
    this.#sendSnapshot(client);
  }

  /** @param {import('ws').WebSocket} client */
  #sendSnapshot(client) {
    if (this.silent) return;
    // The other clients need what is pending as a delta; this one must not get it twice.
    this.flush();
    const sessions = [...this.#sessions.values()];
    client.send(
      JSON.stringify(
        /** @type {Snapshot} */ ({ type: 'snapshot', ...this.#frame(), sessions, remaining: 0 }),
      ),
    );
  }

  /** What both kinds of frames have. */
  #frame() {
    const now = Date.now();
    const processes = this.processes.map((status) => ({ ...status, at: now }));
    return {
      revision: this.#revision,
      now,
      stats: this.#stats(now),
      pipeline: {
        processes,
        lookups: this.lookups,
        ...(this.currency !== undefined && { currency: this.currency }),
      },
    };
  }

  /**
   * From sums, as in the real gateway, so that a frame costs the same however many sessions there are.
   *
   * @param {number} now
   * @returns {Stats}
   */
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

  /**
   * @param {Session | undefined} session
   * @param {1 | -1} by
   */
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

/** @returns {Pick<Delta, 'changed' | 'touched' | 'removed'>} */
function noChanges() {
  return { changed: [], touched: [], removed: [] };
}

/**
 * @param {string} pathname
 * @param {ServerResponse} response
 */
async function serve(pathname, response) {
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
