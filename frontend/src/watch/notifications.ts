/** Notifies of arrivals with the browser's notifications. */

import type { Company } from '../feed/frame';
import { t } from '../shared/messages/text';
import type { StoredText } from '../shared/storedText';
import { Subscribers } from '../shared/subscribers';
import { isAnybodyLooking } from './looking';

/** `denied` by the browser's settings; `unsupported` by the browser, or on an insecure page. */
export type NotificationState = 'on' | 'off' | 'denied' | 'unsupported';

export class Notifications {
  readonly #storage: StoredText;
  readonly #open: (company: Company) => void;
  readonly #subscribers = new Subscribers();
  #enabled: boolean;

  /** @param open called with the company whose notification is clicked */
  constructor(storage: StoredText, open: (company: Company) => void) {
    this.#storage = storage;
    this.#open = open;
    this.#enabled = storage.read() === 'on';
    storage.subscribe(() => {
      this.#enabled = storage.read() === 'on';
      this.#subscribers.notify();
    });
  }

  get state(): NotificationState {
    if (!('Notification' in window) || !window.isSecureContext) return 'unsupported';
    if (Notification.permission === 'denied') return 'denied';
    return this.#enabled && Notification.permission === 'granted' ? 'on' : 'off';
  }

  readonly subscribe = this.#subscribers.subscribe;

  /** Switches notifications on, for which the browser may ask the reader, or off; in all windows. */
  async setEnabled(enabled: boolean): Promise<void> {
    this.#enabled = enabled;
    this.#storage.write(enabled ? 'on' : 'off');
    if (enabled && this.state !== 'unsupported') await Notification.requestPermission();
    this.#subscribers.notify();
  }

  /**
   * Notifies of an arrival, unless somebody looks at the page in any window: they see it there. A further arrival from
   * the same company replaces the notification, also that of another window.
   */
  readonly notify = async (company: Company): Promise<void> => {
    if (this.state !== 'on' || (await isAnybodyLooking())) return;
    const { name, domain } = company;
    try {
      const notice = new Notification(t('noticeTitle', { company: name }), { body: domain, tag: domain });
      notice.onclick = () => {
        window.focus();
        this.#open(company);
        notice.close();
      };
    } catch {
      // Chrome on Android allows this only to service workers.
    }
  };
}
