/** Notifies of arrivals with the browser's notifications. */

import type { Company } from '../feed/frame';
import { t } from '../shared/messages/text';
import { Subscribers } from '../shared/subscribers';
import type { StoredText } from '../shared/storedText';

/** `denied` by the browser's settings; `unsupported` by the browser, or on an insecure page. */
export type NotificationState = 'on' | 'off' | 'denied' | 'unsupported';

export class Notifications {
  readonly #storage: StoredText;
  readonly #subscribers = new Subscribers();
  #enabled: boolean;

  constructor(storage: StoredText) {
    this.#storage = storage;
    this.#enabled = storage.read() === 'on';
  }

  get state(): NotificationState {
    if (!('Notification' in window) || !window.isSecureContext) return 'unsupported';
    if (Notification.permission === 'denied') return 'denied';
    return this.#enabled && Notification.permission === 'granted' ? 'on' : 'off';
  }

  readonly subscribe = this.#subscribers.subscribe;

  /** Switches notifications on, for which the browser may ask the reader, or off. */
  async setEnabled(enabled: boolean): Promise<void> {
    this.#enabled = enabled;
    this.#storage.write(enabled ? 'on' : 'off');
    if (enabled && this.state !== 'unsupported') await Notification.requestPermission();
    this.#subscribers.notify();
  }

  /** Notifies of an arrival; a further one from the same company replaces the notification. */
  readonly notify = ({ name, domain }: Company): void => {
    if (this.state !== 'on') return;
    try {
      const notice = new Notification(t('noticeTitle', { company: name }), { body: domain, tag: domain });
      notice.onclick = () => {
        window.focus();
        notice.close();
      };
    } catch {
      // Chrome on Android allows this only to service workers.
    }
  };
}
