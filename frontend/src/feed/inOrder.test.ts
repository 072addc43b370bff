import { expect, it, vi } from 'vitest';
import { InOrder } from './inOrder';

async function gzip(text: string): Promise<ArrayBuffer> {
  const { readable, writable } = new CompressionStream('gzip');
  const writer = writable.getWriter();
  void writer.write(new TextEncoder().encode(text));
  void writer.close();
  return new Response(readable).arrayBuffer();
}

it('delivers text at once', () => {
  const delivered: unknown[] = [];
  new InOrder((message) => delivered.push(message)).push('text');
  expect(delivered).toEqual(['text']);
});

it('decompresses, and keeps the order', async () => {
  const delivered: unknown[] = [];
  const messages = new InOrder((message) => delivered.push(message));
  const [long, other] = [await gzip('long '.repeat(100_000)), await gzip('ünïcode')];
  messages.push(long);
  messages.push('short');
  messages.push(other);
  expect(delivered).toEqual([]);
  await vi.waitFor(() => expect(delivered).toHaveLength(3));
  expect(delivered).toEqual(['long '.repeat(100_000), 'short', 'ünïcode']);
  messages.push('at once again');
  expect(delivered).toHaveLength(4);
});

it('delivers null for what cannot be decompressed, and goes on', async () => {
  const delivered: unknown[] = [];
  const messages = new InOrder((message) => delivered.push(message));
  messages.push(new Uint8Array([1, 2, 3]).buffer);
  messages.push((await gzip('cut off'.repeat(100))).slice(0, 20));
  messages.push('next');
  await vi.waitFor(() => expect(delivered).toEqual([null, null, 'next']));
});
