/** The door to the browser's notifications. */

import type { Company } from '../feed/frame';
import type { Memory } from './memory';

/** Whether the reader is told of arrivals: `off` until asked for, `impossible` where the browser cannot or may not. */
export type NoticeState = 'on' | 'off' | 'refused' | 'impossible';

/** Tells of arrivals outside the page, if the reader wants it and the browser allows it. */
export class Notices {
  readonly #memory: Memory;
  readonly #watchers = new Set<() => void>();
  #wanted: boolean;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#wanted = memory.read() === 'on';
  }

  get state(): NoticeState {
    if (!('Notification' in window) || !window.isSecureContext) return 'impossible';
    if (Notification.permission === 'denied') return 'refused';
    return this.#wanted && Notification.permission === 'granted' ? 'on' : 'off';
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Turns them on, for which the browser may ask the reader, or off. */
  async want(wanted: boolean): Promise<void> {
    this.#wanted = wanted;
    this.#memory.write(wanted ? 'on' : 'off');
    if (wanted && this.state !== 'impossible') await Notification.requestPermission();
    for (const watcher of this.#watchers) watcher();
  }

  /** Tells that a visitor from a company has come; a second one of the same company replaces the first. */
  readonly tell = ({ name, domain }: Company): void => {
    if (this.state !== 'on') return;
    try {
      const notice = new Notification(`${name} is on the website`, { body: domain, tag: domain });
      notice.onclick = () => {
        window.focus();
        notice.close();
      };
    } catch {
      // Android's Chrome lets only service workers tell; the page itself still does.
    }
  };
}
