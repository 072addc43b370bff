import { Subscribers } from '../shared/subscribers';

const subscribers = new Subscribers();
let announced = '';

/** Makes screen readers announce a text. */
export function announce(text: string): void {
  // A blank at the end makes the same text a new one.
  announced = text === announced ? `${text}\u00a0` : text;
  subscribers.notify();
}

export const subscribeAnnounced = subscribers.subscribe;

export function lastAnnounced(): string {
  return announced;
}
