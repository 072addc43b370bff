import { beforeEach, expect, it } from 'vitest';
import type { Session } from '../feed/frame';
import { aSession, NOW } from '../testing/samples';
import { MAX_ACTIVITIES, MAX_DEPARTED, MAX_PAGES, Journal } from './journal';

let journal: Journal;

beforeEach(() => {
  journal = new Journal();
});

function aVisitor(session: Partial<Session> = {}) {
  const whole = aSession(session);
  return { guid: whole.guid, session: whole };
}

const lumen = { guid: 'c', name: 'Lumen & Sons', domain: 'lumen.example' };

it('records a session from beginning to end', () => {
  const visitor = aVisitor();
  journal.record({ kind: 'came', visitor, arrival: 'live' }, NOW);
  const before = visitor.session;
  visitor.session = { ...before, company: lumen };
  journal.record({ kind: 'changed', visitor, before }, NOW + 1);
  visitor.session = { ...visitor.session, lastActivityAt: NOW + 2 };
  journal.record({ kind: 'touched', visitor }, NOW + 3);
  journal.record({ kind: 'left', visitor, reason: 'closed' }, NOW + 4);
  expect(journal.visit('a')).toEqual({
    session: visitor.session,
    firstSeenAt: NOW,
    arrival: 'live',
    identifiedAt: NOW + 1,
    activities: [NOW + 2],
    activityCount: 1,
    pages: [],
    left: { at: NOW + 4, reason: 'closed' },
    version: 3,
  });
});

it('records the pages that the visitor was on', () => {
  const at = (url: string, title = '') => ({ page: { url, title } });
  const visitor = aVisitor(at('/a'));
  journal.record({ kind: 'came', visitor, arrival: 'live' }, NOW);
  const go = (session: Partial<Session>) => {
    const before = visitor.session;
    visitor.session = { ...before, ...session };
    journal.record({ kind: 'changed', visitor, before }, NOW);
  };
  go({ company: lumen });
  go({ ...at('/b'), lastActivityAt: NOW + 1 });
  go(at('/b', 'The title comes later'));
  go({ ...at('/a'), lastActivityAt: NOW + 2 });
  expect(journal.visit('a')?.pages).toEqual([
    { at: NOW - 5_000, ...at('/a') },
    { at: NOW + 1, ...at('/b', 'The title comes later') },
    { at: NOW + 2, ...at('/a') },
  ]);
  for (let number = 0; number < 2 * MAX_PAGES; number += 1) go(at(`/${number}`));
  expect(journal.visit('a')?.pages).toHaveLength(MAX_PAGES);
  expect(journal.visit('a')?.pages.at(-1)?.page.url).toBe(`/${2 * MAX_PAGES - 1}`);
  journal.record({ kind: 'left', visitor, reason: 'hidden' }, NOW);
  expect(journal.visit('a')).toBeNull();
});

it('continues the visit of a visitor who returns', () => {
  journal.record({ kind: 'came', visitor: aVisitor(), arrival: 'initial' }, NOW);
  journal.record({ kind: 'left', visitor: aVisitor(), reason: 'stale' }, NOW + 1);
  journal.record({ kind: 'came', visitor: aVisitor(), arrival: 'live' }, NOW + 2);
  expect(journal.visit('a')).toMatchObject({ firstSeenAt: NOW, arrival: 'initial', left: null });
});

it('keeps the last activities, and counts all', () => {
  const visitor = aVisitor();
  journal.record({ kind: 'came', visitor, arrival: 'live' }, NOW);
  for (let second = 1; second <= MAX_ACTIVITIES + 5; second += 1) {
    visitor.session = { ...visitor.session, lastActivityAt: NOW + second };
    journal.record({ kind: 'touched', visitor }, NOW);
  }
  const visit = journal.visit('a');
  expect(visit?.activityCount).toBe(MAX_ACTIVITIES + 5);
  expect(visit?.activities).toHaveLength(MAX_ACTIVITIES);
  expect(visit?.activities.at(-1)).toBe(NOW + MAX_ACTIVITIES + 5);
});

it('drops the oldest departed visitors, and nobody on the site', () => {
  journal.record({ kind: 'came', visitor: aVisitor({ guid: 'stays' }), arrival: 'live' }, NOW);
  for (let number = 0; number <= MAX_DEPARTED; number += 1) {
    const visitor = aVisitor({ guid: `g${number}` });
    journal.record({ kind: 'came', visitor, arrival: 'live' }, NOW);
    journal.record({ kind: 'left', visitor, reason: 'closed' }, NOW);
  }
  expect(journal.visit('stays')).not.toBeNull();
  expect(journal.visit('g0')).toBeNull();
  expect(journal.visit('g1')).not.toBeNull();
});

it('drops hidden visitors at once', () => {
  journal.record({ kind: 'came', visitor: aVisitor(), arrival: 'live' }, NOW);
  journal.record({ kind: 'left', visitor: aVisitor(), reason: 'hidden' }, NOW + 1);
  expect(journal.visit('a')).toBeNull();
});

it('keeps the visit that the reader looks at, however many others end', () => {
  const leave = (guid: string) => {
    journal.record({ kind: 'came', visitor: aVisitor({ guid }), arrival: 'live' }, NOW);
    journal.record({ kind: 'left', visitor: aVisitor({ guid }), reason: 'closed' }, NOW);
  };
  journal.pin('read');
  leave('read');
  leave('eldest');
  for (let n = 0; n < MAX_DEPARTED; n += 1) leave(`${n}`);
  expect(journal.visit('read')).not.toBeNull();
  expect(journal.visit('eldest')).toBeNull();
  journal.pin(null);
  leave('another');
  expect(journal.visit('read')).toBeNull();
});
