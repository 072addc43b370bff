// What a website loads when it includes the collector's tracker.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';

const TRACKER = new URL('../../collector/tracker/dist/v.js', import.meta.url);
/** In bytes, compressed. */
const MAX_SIZE = 2_000;

test('the built tracker stays below its size limit', async () => {
  expect(gzipSync(await readFile(TRACKER)).length).toBeLessThan(MAX_SIZE);
});

test('the built tracker has one place for the settings of the collector', async () => {
  expect((await readFile(TRACKER, 'utf8')).split('__SETTINGS__')).toHaveLength(2);
});
