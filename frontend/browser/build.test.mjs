// What a browser has to fetch before it shows the page.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
/** In bytes, compressed. */
const LARGEST = 200_000;

test('the whole page is small', async () => {
  const entries = await readdir(DIST, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const bodies = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
  const size = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(files.length > 2, 'the page is not built');
  assert.ok(size < LARGEST, `${size} bytes`);
});
