import { expect, it } from 'vitest';
import { someLookups } from '../testing/samples';
import { savedCalls, savedShare } from './lookups';

const lookups = someLookups({ paid: 200, savedByCache: 500, savedByFleet: 70, savedBySharing: 30 });

it('adds up what was saved, whatever saved it', () => {
  expect(savedCalls(lookups)).toBe(600);
});

it('compares what was saved with all that would have been paid', () => {
  expect(savedShare(lookups)).toBe(0.75);
  expect(savedShare(someLookups({ paid: 3 }))).toBe(0);
  expect(savedShare(someLookups({ savedByFleet: 3 }))).toBe(1);
});

it('knows no share of nothing', () => {
  expect(savedShare(someLookups())).toBeNull();
});
