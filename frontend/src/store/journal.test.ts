import { beforeEach, expect, it } from 'vitest';
import { aSession, NOW } from '../testing/samples';
import { ACTIVITIES, DEPARTED, Journal } from './journal';
import type { Session } from '../feed/frame';

let journal: Journal;

beforeEach(() => {
  journal = new Journal();
});

function row(session: Partial<Session> = {}) {
  const whole = aSession(session);
  return { guid: whole.guid, session: whole };
}

const lumen = { guid: 'c', name: 'Lumen & Sons', domain: 'lumen.example' };

it('tells a session from its beginning to its end', () => {
  const visitor = row();
  journal.note({ kind: 'came', row: visitor, how: 'come' }, NOW);
  const before = visitor.session;
  visitor.session = { ...before, company: lumen };
  journal.note({ kind: 'changed', row: visitor, before }, NOW + 1);
  visitor.session = { ...visitor.session, lastActivityAt: NOW + 2 };
  journal.note({ kind: 'touched', row: visitor }, NOW + 3);
  journal.note({ kind: 'left', row: visitor, why: 'closed' }, NOW + 4);
  expect(journal.story('a')).toEqual({
    session: visitor.session,
    seenAt: NOW,
    how: 'come',
    identifiedAt: NOW + 1,
    activities: [NOW + 2],
    activityCount: 1,
    left: { at: NOW + 4, why: 'closed' },
    version: 3,
  });
});

it('goes on with the story of one who comes back', () => {
  journal.note({ kind: 'came', row: row(), how: 'there' }, NOW);
  journal.note({ kind: 'left', row: row(), why: 'stale' }, NOW + 1);
  journal.note({ kind: 'came', row: row(), how: 'come' }, NOW + 2);
  expect(journal.story('a')).toMatchObject({ seenAt: NOW, how: 'there', left: null });
});

it('remembers the last activities, and counts all', () => {
  const visitor = row();
  journal.note({ kind: 'came', row: visitor, how: 'come' }, NOW);
  for (let second = 1; second <= ACTIVITIES + 5; second += 1) {
    visitor.session = { ...visitor.session, lastActivityAt: NOW + second };
    journal.note({ kind: 'touched', row: visitor }, NOW);
  }
  const story = journal.story('a');
  expect(story?.activityCount).toBe(ACTIVITIES + 5);
  expect(story?.activities).toHaveLength(ACTIVITIES);
  expect(story?.activities.at(-1)).toBe(NOW + ACTIVITIES + 5);
});

it('forgets those who left long ago, and nobody who is there', () => {
  journal.note({ kind: 'came', row: row({ guid: 'stays' }), how: 'come' }, NOW);
  for (let number = 0; number <= DEPARTED; number += 1) {
    const visitor = row({ guid: `g${number}` });
    journal.note({ kind: 'came', row: visitor, how: 'come' }, NOW);
    journal.note({ kind: 'left', row: visitor, why: 'closed' }, NOW);
  }
  expect(journal.story('stays')).not.toBeNull();
  expect(journal.story('g0')).toBeNull();
  expect(journal.story('g1')).not.toBeNull();
});

it('forgets at once whom it must not show any longer', () => {
  journal.note({ kind: 'came', row: row(), how: 'come' }, NOW);
  journal.note({ kind: 'left', row: row(), why: 'hidden' }, NOW + 1);
  expect(journal.story('a')).toBeNull();
});
