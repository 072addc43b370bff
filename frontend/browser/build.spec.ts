// What a browser has to fetch before it shows the page.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
/** In bytes, compressed, of scripts and styles together. */
const MAX_SIZE = 180_000;

test('the built page stays below its size limit', async () => {
  const entries = await readdir(DIST, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(?:js|css)$/.test(entry.name));
  const bodies = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
  const size = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
  expect(files.length, 'the page is not built').toBeGreaterThan(1);
  expect(size).toBeLessThanOrEqual(MAX_SIZE);
});
