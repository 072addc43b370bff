import { expect, it } from 'vitest';
import type { Visit } from '../store/journal';
import { aSession, NOW } from '../testing/samples';
import { timelineOf } from './timeline';

function visit(parts: Partial<Visit> = {}): Visit {
  return {
    session: aSession({ openedAt: NOW - 60_000 }),
    firstSeenAt: NOW - 50_000,
    arrival: 'live',
    identifiedAt: null,
    activities: [],
    activityCount: 0,
    pages: [],
    left: null,
    version: 0,
    ...parts,
  };
}

function texts(parts: Partial<Visit>): string[] {
  return timelineOf(visit(parts)).map(({ what }) => what);
}

it('has the latest event first', () => {
  const company = { guid: 'c', name: 'Lumen & Sons', domain: 'lumen.example' };
  const session = aSession({ openedAt: NOW - 60_000, company });
  const activities = [NOW - 30_000, NOW - 10_000];
  const left = { at: NOW, reason: 'closed' };
  const told = { session, identifiedAt: NOW - 40_000, activities, activityCount: 2, left };
  expect(texts(told)).toEqual([
    'Left the website',
    'Was active',
    'Was active',
    'Identified as Lumen & Sons',
    'Came to the website',
  ]);
});

it.each([
  ['initial', 'Was already here when this page opened'],
  ['missed', 'Arrived while this page was offline'],
] as const)('says how the page learned of a visitor (%s)', (arrival, text) => {
  expect(texts({ arrival })).toEqual([text, 'Came to the website']);
});

it.each([
  ['stale', 'Inactive for a while; has probably left'],
  ['missed', 'Left while this page was offline'],
  ['for reasons of its own', 'Left'],
])('describes a departure %s', (reason, text) => {
  expect(texts({ left: { at: NOW, reason } })[0]).toBe(text);
});

it('counts earlier activities', () => {
  expect(texts({ activities: [NOW], activityCount: 1 })).toHaveLength(2);
  expect(texts({ activities: [NOW], activityCount: 2 })[1]).toBe('Was active 1 time before');
  expect(texts({ activities: [NOW], activityCount: 41 })[1]).toBe('Was active 40 times before');
});
