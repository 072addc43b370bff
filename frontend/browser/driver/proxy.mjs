// Reverse proxies as people run them before a gateway, each with its changes to requests.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';

export class Proxy {
  #sockets = new Set();
  #cut = false;
  #server;
  #scheme = 'http';

  /**
   * Listens on `port` of the loopback interface, or on any free one, and forwards to the gateway at `url`, with the
   * gateway's host name. With a certificate it speaks TLS and sets `X-Forwarded-*`; without one it sets nothing, as
   * most proxies do by default.
   */
  static async to(url, port = 0, tls = null) {
    const proxy = new Proxy();
    const target = new URL(url);
    const handler = (request, response) => proxy.#answer(target, request, response);
    if (tls === null) {
      proxy.#server = http.createServer(handler);
    } else {
      const [cert, key] = await Promise.all([readFile(tls.certificate), readFile(tls.key)]);
      proxy.#server = https.createServer({ cert, key }, handler);
      proxy.#scheme = 'https';
    }
    proxy.#server.on('upgrade', (request, near, head) => proxy.#upgrade(target, request, near, head));
    for (const event of ['connection', 'secureConnection']) {
      proxy.#server.on(event, (socket) => proxy.#accept(socket));
    }
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url() {
    return `${this.#scheme}://127.0.0.1:${this.#server.address().port}`;
  }

  /** Destroys all connections, and refuses new ones until `restore`. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore() {
    this.#cut = false;
  }

  stop() {
    this.cut();
    this.#server.close();
  }

  #accept(socket) {
    if (this.#cut) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #forward(target, { method, url, headers }) {
    const forwarded = { ...headers, host: target.host };
    if (this.#scheme === 'https') {
      forwarded['x-forwarded-host'] = headers.host;
      forwarded['x-forwarded-proto'] = 'https';
    }
    const { hostname, port } = target;
    return http.request({ hostname, port, path: url, method, headers: forwarded });
  }

  #answer(target, request, response) {
    const forwarded = this.#forward(target, request);
    forwarded.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }

  #upgrade(target, request, near, head) {
    const forwarded = this.#forward(target, request);
    forwarded.on('upgrade', (answer, far, farHead) => {
      near.write(headOf(answer));
      near.write(farHead);
      far.write(head);
      near.pipe(far).pipe(near);
      far.on('error', () => near.destroy());
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
    });
    forwarded.on('response', (answer) => {
      near.write(headOf(answer));
      answer.pipe(near);
    });
    forwarded.on('error', () => near.destroy());
    forwarded.end();
  }
}

function headOf({ statusCode, statusMessage, rawHeaders }) {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
