// A TCP proxy between the page and its gateway, whose connections can be cut.
import { once } from 'node:events';
import { createServer, connect } from 'node:net';

export class Line {
  #sockets = new Set();
  #cut = false;
  #server;

  /** Listens on a free port of the loopback interface, and forwards to the gateway at `url`. */
  static async to(url) {
    const line = new Line();
    const { hostname, port } = new URL(url);
    line.#server = createServer((near) => {
      if (line.#cut) {
        near.destroy();
        return;
      }
      const far = connect(Number(port), hostname);
      line.#join(near, far);
      line.#join(far, near);
    });
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
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

  #join(from, to) {
    this.#sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
