// A lively website, made up: for the demo and the pictures.
import { MockGateway } from './mock-gateway.mjs';
import { makeVisitor, random } from './visitors.mjs';

const STEP = 250;

/** What both enrichers have paid and saved when it starts. */
const LOOKUPS = {
  paid: 210,
  failed: 12,
  paidForHidden: 40,
  savedByCache: 500,
  savedByFleet: 100,
  savedBySharing: 40,
  spent: 2.1,
};

export class Showcase {
  #gateway;
  #chance = random(7);
  #guids = [];
  #troubled;
  #timer;

  /** Serves the page for a website with so many visitors; troubled, its pipeline has trouble. */
  static async start({ port = 0, visitors = 200, troubled = false } = {}) {
    const showcase = new Showcase();
    showcase.#gateway = await MockGateway.start(port);
    showcase.#troubled = troubled;
    showcase.#open(visitors);
    return showcase;
  }

  get url() {
    return this.#gateway.url;
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#gateway.stop();
  }

  #open(visitors) {
    for (let left = visitors; left > 0; left -= 1)
      this.#welcome(Math.floor(10_000 + this.#chance() ** 2 * 3_600_000));
    this.#gateway.processes = describeProcesses(this.#troubled);
    this.#gateway.lookups = Object.fromEntries(
      Object.entries(LOOKUPS).map(([name, count]) => [name, 2 * count]),
    );
    // A website that nobody visits stays so.
    if (visitors > 0) this.#timer = setInterval(() => this.#live(), STEP);
  }

  #live() {
    const chance = this.#chance;
    if (chance() < 0.3) this.#welcome(0);
    if (chance() < 0.3 && this.#guids.length > 0) this.#dismiss();
    for (let touches = 5; touches > 0 && this.#guids.length > 0; touches -= 1)
      this.#gateway.touch(this.#guids[Math.floor(chance() * this.#guids.length)]);
    this.#gateway.beingIdentified = this.#troubled ? 12 : Math.floor(chance() * 4);
    this.#gateway.flush();
  }

  #welcome(ago) {
    const visitor = makeVisitor(this.#chance, ago);
    if (this.#troubled && this.#chance() < 0.2)
      Object.assign(visitor, { company: null, contact: null, unidentified: true });
    this.#guids.push(visitor.guid);
    this.#gateway.put(visitor);
    this.#reckon();
  }

  #dismiss() {
    const [guid] = this.#guids.splice(Math.floor(this.#chance() * this.#guids.length), 1);
    this.#gateway.remove(guid);
  }

  /** One in four has to be asked about. */
  #reckon() {
    const lookups = { ...this.#gateway.lookups };
    if (this.#chance() < 0.75) lookups.savedByCache += 1;
    else {
      lookups.paid += 1;
      lookups.spent += 0.01;
    }
    this.#gateway.lookups = lookups;
  }
}

/** What the processes of a small pipeline say of themselves, with or without trouble. */
export function describeProcesses(troubled) {
  const status = { at: 0, startedAt: Date.now(), ready: true, reason: null };
  const ingestor = {
    ...status,
    process: 'ingestor',
    emitterConnected: true,
    emitterSilentSeconds: troubled ? 42 : 0.2,
    received: 1200,
    rejected: 3,
    published: 1197,
    waiting: 0,
    dropped: 0,
  };
  const enricher = {
    ...status,
    process: 'enricher',
    beingIdentified: 1,
    eventsHandled: 1190,
    queueWaiting: troubled ? 1840 : 4,
    lookups: LOOKUPS,
    breaker: 'closed',
    lookupConcurrency: 32,
    lookupsHeldBack: null,
  };
  const sick = troubled && {
    beingIdentified: 11,
    breaker: 'open',
    lookupsHeldBack: 'the Deanonymizer does not answer',
  };
  const away = troubled && { ready: false, reason: 'NATS is not connected' };
  return [
    { ...ingestor, instance: 'web-1-a1' },
    { ...enricher, instance: 'web-1-b1', ...sick },
    { ...enricher, instance: 'web-2-b2', ...away },
    { ...status, process: 'gateway', instance: 'web-1-c1', sessions: 200, clients: 5 },
  ];
}
