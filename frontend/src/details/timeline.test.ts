import { expect, it } from 'vitest';
import type { Story } from '../store/journal';
import { aSession, NOW } from '../testing/samples';
import { timelineOf } from './timeline';

function story(parts: Partial<Story> = {}): Story {
  return {
    session: aSession({ openedAt: NOW - 60_000 }),
    seenAt: NOW - 50_000,
    how: 'come',
    identifiedAt: null,
    activities: [],
    activityCount: 0,
    left: null,
    version: 0,
    ...parts,
  };
}

function texts(parts: Partial<Story>): string[] {
  return timelineOf(story(parts)).map(({ what }) => what);
}

it('has what happened, the latest first', () => {
  const company = { guid: 'c', name: 'Lumen & Sons', domain: 'lumen.example' };
  const session = aSession({ openedAt: NOW - 60_000, company });
  const activities = [NOW - 30_000, NOW - 10_000];
  const left = { at: NOW, why: 'closed' };
  const told = { session, identifiedAt: NOW - 40_000, activities, activityCount: 2, left };
  expect(texts(told)).toEqual([
    'Left the website',
    'Was active',
    'Was active',
    'Identified as Lumen & Sons',
    'Arrived before the eyes of this page',
    'Opened the session',
  ]);
});

it.each([
  ['stale', 'Gone silent, taken to have left'],
  ['away', 'Left while this page was away from the gateway'],
  ['for reasons of its own', 'Left'],
])('says what it means to be %s', (why, text) => {
  expect(texts({ left: { at: NOW, why } })[0]).toBe(text);
});

it('says how often a visitor was active before', () => {
  expect(texts({ activities: [NOW], activityCount: 1 })).toHaveLength(3);
  expect(texts({ activities: [NOW], activityCount: 2 })[1]).toBe('Was active 1 time before');
  expect(texts({ activities: [NOW], activityCount: 41 })[1]).toBe('Was active 40 times before');
});
