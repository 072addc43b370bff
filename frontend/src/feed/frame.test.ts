import { describe, expect, it } from 'vitest';
import interruptedText from '../../../protocol/fixtures/delta-interrupted.json?raw';
import deltaText from '../../../protocol/fixtures/delta.json?raw';
import snapshotPartText from '../../../protocol/fixtures/snapshot-part.json?raw';
import snapshotText from '../../../protocol/fixtures/snapshot.json?raw';
import { aDelta, aPipeline, aSession, aSnapshot } from '../testing/samples';
import { parseFrame } from './frame';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Fields that may be left out, so that a frame without them is as good. */
const OPTIONAL = [
  'title',
  'unidentified',
  'pipeline',
  'asOf',
  'interruptions',
  'network',
  'country',
  'page',
  'referrer',
  'account',
];

/**
 * Whether the page reads all that a message holds, and holds all that the page needs: unknown fields are not read.
 */
function isReadWhole(text: string): boolean {
  const parsed = parseFrame(text);
  return 'frame' in parsed && sameJson(parsed.frame, JSON.parse(text));
}

function sameJson(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** Calls `visit` with every object in `value` and each of its keys. */
function forEachField(value: Json, visit: (holder: Record<string, Json>, key: string) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) visit(value, key);
    forEachField(inner, visit);
  }
}

/** The texts that result from applying `change` to one field of `text` at a time, named after the field. */
function drifted(
  text: string,
  change: (holder: Record<string, Json>, key: string) => void,
): [string, string][] {
  const texts: [string, string][] = [];
  const frame = JSON.parse(text) as Json;
  forEachField(frame, (holder, key) => {
    const before = { ...holder };
    change(holder, key);
    texts.push([key, JSON.stringify(frame)]);
    for (const changed of Object.keys(holder)) Reflect.deleteProperty(holder, changed);
    Object.assign(holder, before);
  });
  return texts;
}

describe.each([
  ['snapshot', snapshotText],
  ['part of a snapshot', snapshotPartText],
  ['delta', deltaText],
  ['delta of a gateway that is cut off', interruptedText],
])('the %s of the protocol', (_, text) => {
  it('is read whole', () => {
    expect(parseFrame(text)).toEqual({ frame: JSON.parse(text) as unknown });
    expect(isReadWhole(text)).toBe(true);
  });

  it('is rejected if a field is missing', () => {
    const lost = drifted(text, (holder, key) => Reflect.deleteProperty(holder, key));
    const unnoticed = lost.filter(([key, drift]) => !OPTIONAL.includes(key) && isReadWhole(drift));
    expect(lost.length).toBeGreaterThan(10);
    expect(unnoticed).toEqual([]);
  });

  it('has no field that the types do not know', () => {
    const gained = drifted(text, (holder, key) => {
      holder[`${key}New`] = holder[key] ?? null;
    });
    expect(gained.filter(([, drift]) => isReadWhole(drift))).toEqual([]);
  });

  it('is rejected if a field has another type', () => {
    const retyped = drifted(text, (holder, key) => {
      holder[key] = typeof holder[key] === 'boolean' ? 'other' : true;
    });
    expect(retyped.filter(([, drift]) => isReadWhole(drift))).toEqual([]);
  });
});

it('finds every optional field in the protocol’s frames, so that they cannot be lost either', () => {
  expect(snapshotText).toContain('"title"');
  expect(snapshotText).toContain('"unidentified"');
  expect(deltaText).toContain('"pipeline"');
  expect(interruptedText).toContain('"asOf"');
  expect(interruptedText).toContain('"interruptions"');
});

describe('parseFrame', () => {
  it('accepts frames without optional fields', () => {
    const contact = { guid: 'c', name: 'Ada Quill', emailAddresses: [], phoneNumbers: [] };
    const delta = aDelta({ changed: [aSession({ contact })] });
    expect(parseFrame(JSON.stringify(delta))).toEqual({ frame: delta });
  });

  it('ignores unknown fields', () => {
    const snapshot = aSnapshot({ sessions: [aSession()] });
    const newer = { ...snapshot, mood: 'good', sessions: [{ ...aSession(), weather: 'fine' }] };
    expect(parseFrame(JSON.stringify(newer))).toEqual({ frame: snapshot });
  });

  it('accepts a process of an unknown kind', () => {
    const process = { process: 'archiver', instance: 'i', at: 1, startedAt: 1, ready: false, reason: 'full' };
    const snapshot = aSnapshot({ pipeline: aPipeline({ processes: [process] }) });
    expect(parseFrame(JSON.stringify(snapshot))).toEqual({ frame: snapshot });
  });

  it.each([
    ['a binary message', new ArrayBuffer(8), 'not a text message'],
    ['no JSON', '{"type":"delta"', 'not JSON'],
    ['no object', 'null', /frame/],
    ['another type', '{"type":"news"}', /^type: /],
    ['a missing field', JSON.stringify({ ...aDelta(), touched: undefined }), /^touched: /],
    ['a time that no date can hold', JSON.stringify(aDelta({ touched: [['a', 1e20]] })), /^touched\.0\.1: /],
  ])('says what is wrong with %s', (_, message, error) => {
    expect(parseFrame(message)).toEqual({ error: expect.stringMatching(error) as string });
  });
});
