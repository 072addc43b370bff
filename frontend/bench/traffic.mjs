// Thousands of visitors, of whom some arrive, leave or are active in every frame.
import { makeVisitor, random } from '../browser/mock/visitors.mjs';

/** Frames a second, as the gateway sends them. */
const FRAMES = 20;
/** Of a hundred changes, how many are arrivals, departures and identifications; the others are activities. */
const ARRIVALS = 10;
const DEPARTURES = 10;
const IDENTIFICATIONS = 5;

export class Traffic {
  #gateway;
  #chance = random(11);
  #visitors = [];
  #next = 0;
  #timer;

  /** Starts with `count` visitors. */
  constructor(gateway, count) {
    this.#gateway = gateway;
    for (let left = count; left > 0; left -= 1) this.#arrive(this.#chance() * 3_600_000);
  }

  /** Makes so many changes a second until it is stopped; changes that a late timer missed follow with the next one. */
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
    if (kind < ARRIVALS) this.#arrive(0);
    else if (kind < ARRIVALS + DEPARTURES) this.#leave();
    else if (kind < ARRIVALS + DEPARTURES + IDENTIFICATIONS) this.#identify();
    else this.#gateway.touch(this.#anyVisitor().guid);
  }

  #arrive(ago) {
    // Plain numbers as GUIDs, because they are quick to make.
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

  #identify() {
    const visitor = this.#anyVisitor();
    const { company, contact } = makeVisitor(this.#chance);
    Object.assign(visitor, { company, contact });
    this.#gateway.put({ ...visitor });
  }

  #anyVisitor() {
    return this.#visitors[Math.floor(this.#chance() * this.#visitors.length)];
  }
}
