// Visitors by the thousand, of whom some come, go or do something with every frame.
import { makeVisitor, random } from '../browser/visitors.mjs';

/** Frames a second, as the gateway sends them. */
const FRAMES = 20;
/** Of a hundred changes, so many are somebody coming, leaving, or becoming known; the others are touches. */
const COMING = 10;
const LEAVING = 10;
const KNOWN = 5;

export class Crowd {
  #gateway;
  #chance = random(11);
  #visitors = [];
  #next = 0;
  #timer;

  /** Lets `count` visitors be there. */
  constructor(gateway, count) {
    this.#gateway = gateway;
    for (let left = count; left > 0; left -= 1) this.#come(this.#chance() * 3_600_000);
  }

  /** Lets so many changes a second happen, until it is stopped; what a late timer missed, the next one makes up for. */
  start(changesPerSecond) {
    const since = performance.now();
    let done = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - since) * changesPerSecond) / 1_000);
      for (; done < due; done += 1) this.#change();
      this.#gateway.flush();
    }, 1_000 / FRAMES);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #change() {
    const kind = this.#chance() * 100;
    if (kind < COMING) this.#come(0);
    else if (kind < COMING + LEAVING) this.#leave();
    else if (kind < COMING + LEAVING + KNOWN) this.#becomeKnown();
    else this.#gateway.touch(this.#anybody().guid);
  }

  #come(ago) {
    // Guids that are quick to make; the rest is as in life.
    const visitor = { ...makeVisitor(this.#chance, Math.floor(ago)), guid: `visitor-${(this.#next += 1)}` };
    this.#visitors.push(visitor);
    this.#gateway.put(visitor);
  }

  #leave() {
    const index = Math.floor(this.#chance() * this.#visitors.length);
    const [{ guid }] = this.#visitors.splice(index, 1, this.#visitors.at(-1));
    this.#visitors.pop();
    this.#gateway.remove(guid);
  }

  #becomeKnown() {
    const visitor = this.#anybody();
    const { company, contact } = makeVisitor(this.#chance);
    Object.assign(visitor, { company, contact });
    this.#gateway.put({ ...visitor });
  }

  #anybody() {
    return this.#visitors[Math.floor(this.#chance() * this.#visitors.length)];
  }
}
