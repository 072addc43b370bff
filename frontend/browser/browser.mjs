// The door to a real browser, shared by the tests and the screenshots.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts Chromium with an empty profile: the one that the environment variable CHROMIUM names, or the
 * system's.
 *
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launchBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `there is no Chromium at ${executablePath}; name one in the environment variable CHROMIUM`,
    );
  }
  return chromium.launch({ executablePath, args: ARGUMENTS });
}
