import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './browser/chromium.mjs';

export default defineConfig({
  testDir: 'browser',
  testMatch: '*.spec.ts',
  outputDir: 'node_modules/.cache/playwright',
  reporter: 'list',
  forbidOnly: Boolean(process.env.CI),
  // Generous, so that only a failure reaches them and not a busy machine.
  timeout: 120_000,
  expect: { timeout: Number(process.env.EXPECT_MS ?? 30_000) },
  use: {
    viewport: { width: 1280, height: 800 },
    launchOptions: CHROMIUM,
    trace: 'retain-on-failure',
  },
});
