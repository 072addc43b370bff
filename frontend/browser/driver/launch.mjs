// Starts Chromium or Firefox with a profile of its own, both driven by WebDriver BiDi or its like through puppeteer.
import puppeteer from 'puppeteer-core';
import { CHROMIUM } from '../chromium.mjs';

/** Milliseconds for any step; generous, so that only a failure reaches it. */
export const TIMEOUT = 60_000;
/** Milliseconds for the start; a busy machine needs long. */
const START_TIMEOUT = 120_000;

/**
 * @param {string} name `chromium` or `firefox`
 * @param {string} [profile] an empty folder; without it, a temporary one
 */
export function launch(name, profile) {
  const shared = {
    acceptInsecureCerts: true,
    userDataDir: profile,
    timeout: START_TIMEOUT,
    protocolTimeout: TIMEOUT,
  };
  if (name === 'firefox') {
    const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
    return puppeteer.launch({ ...shared, browser: 'firefox', executablePath, headless: true });
  }
  return puppeteer.launch({ ...shared, browser: 'chrome', ...CHROMIUM });
}
