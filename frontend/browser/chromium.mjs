// Which Chromium the tests, the screenshots and the bench start, and how.
import { chromium } from '@playwright/test';

/**
 * The Chromium that the environment variable CHROMIUM names, or the system's; no browser is ever downloaded. The flags
 * let it run as root and keep it from making requests of its own.
 */
export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** Starts Chromium with an empty profile. */
export function launchChromium() {
  return chromium.launch(CHROMIUM);
}
