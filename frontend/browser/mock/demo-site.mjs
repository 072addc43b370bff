// A busy website, made up: for the demo, the screenshots and tests that need a whole pipeline on the page.
import { aGateway, anEnricher, anIngestor, NO_LOOKUPS } from './contract.mjs';
import { MockGateway } from './gateway.mjs';
import { makeVisitor, random } from './visitors.mjs';

/** @typedef {import('../../src/feed/status').Lookups} Lookups */

/** Milliseconds between two frames. */
const INTERVAL = 250;

/** What the pipeline has paid and saved when the demo starts. */
const LOOKUPS = {
  ...NO_LOOKUPS,
  paid: 420,
  failed: 24,
  paidForHidden: 80,
  savedByCache: 1_000,
  savedByFleet: 200,
  savedBySharing: 80,
  spent: 4.2,
};

/** The pages of the website, those with the most visitors first. */
const PAGES = [
  { url: 'https://shop.example/', title: 'Home' },
  { url: 'https://shop.example/pricing', title: 'Pricing' },
  { url: 'https://shop.example/products/scales', title: 'Scales for the warehouse' },
  { url: 'https://shop.example/customers', title: 'Our customers' },
  { url: 'https://shop.example/contact', title: 'Contact sales' },
];

export class DemoSite {
  #gateway;
  #failing;
  #chance = random(7);
  /** @type {string[]} */
  #guids = [];
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /**
   * @param {MockGateway} gateway
   * @param {boolean} failing
   */
  constructor(gateway, failing) {
    this.#gateway = gateway;
    this.#failing = failing;
  }

  /** Serves the page for a website with `visitors` visitors; `failing` breaks parts of its pipeline. */
  static async start({ port = 0, visitors = 200, failing = false } = {}) {
    const site = new DemoSite(await MockGateway.start(port), failing);
    site.#open(visitors);
    return site;
  }

  get url() {
    return this.#gateway.url;
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#gateway.stop();
  }

  /** @param {number} visitors */
  #open(visitors) {
    for (let left = visitors; left > 0; left -= 1)
      this.#arrive(Math.floor(10_000 + this.#chance() ** 2 * 3_600_000));
    this.#gateway.processes = describeProcesses(this.#failing);
    this.#gateway.lookups = LOOKUPS;
    this.#gateway.currency = 'EUR';
    // A website without visitors stays empty.
    if (visitors > 0) this.#timer = setInterval(() => this.#change(), INTERVAL);
  }

  #change() {
    const chance = this.#chance;
    if (chance() < 0.3) this.#arrive(0);
    if (chance() < 0.3 && this.#guids.length > 0) this.#leave();
    for (let touches = 5; touches > 0; touches -= 1) {
      const guid = this.#guids[Math.floor(chance() * this.#guids.length)];
      if (guid !== undefined) this.#gateway.touch(guid);
    }
    this.#gateway.beingIdentified = this.#failing ? 12 : Math.floor(chance() * 4);
    this.#gateway.flush();
  }

  /** @param {number} ago milliseconds since the visitor came */
  #arrive(ago) {
    const visitor = makeVisitor(this.#chance, ago);
    const page = PAGES[Math.floor(this.#chance() ** 1.5 * PAGES.length)];
    if (page !== undefined) visitor.page = page;
    if (this.#failing && this.#chance() < 0.2)
      Object.assign(visitor, { company: null, contact: null, unidentified: true });
    this.#guids.push(visitor.guid);
    this.#gateway.put(visitor);
    this.#lookUp();
  }

  #leave() {
    const [guid] = this.#guids.splice(Math.floor(this.#chance() * this.#guids.length), 1);
    if (guid !== undefined) this.#gateway.remove(guid);
  }

  /** One visitor in four costs a lookup. */
  #lookUp() {
    const { savedByCache, paid, spent } = this.#gateway.lookups;
    const counts =
      this.#chance() < 0.75 ? { savedByCache: savedByCache + 1 } : { paid: paid + 1, spent: spent + 0.01 };
    this.#gateway.lookups = { ...this.#gateway.lookups, ...counts };
  }
}

/**
 * The status of each process of a small pipeline.
 *
 * @param {boolean} failing whether the Deanonymizer does not answer and one enricher is not ready
 */
export function describeProcesses(failing) {
  const heldBack = { beingIdentified: 11, lookupsHeldBack: 'the Deanonymizer does not answer' };
  const queueWaiting = failing ? 1840 : 4;
  return [
    anIngestor({ instance: 'web-1-a1', emitterSilentSeconds: failing ? 42 : 0.2 }),
    anEnricher({
      instance: 'web-1-b1',
      queueWaiting,
      ...(failing && { ...heldBack, breaker: /** @type {const} */ ('open') }),
    }),
    anEnricher({
      instance: 'web-2-b2',
      queueWaiting,
      ...(failing && { ready: false, reason: 'NATS is not connected' }),
    }),
    aGateway({ instance: 'web-1-c1', sessions: 200 }),
  ];
}
