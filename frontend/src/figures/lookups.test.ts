import { expect, it } from 'vitest';
import { someLookups } from '../testing/samples';
import { savedCalls, savedShare } from './lookups';

const lookups = someLookups({ paid: 200, savedByCache: 500, savedByFleet: 70, savedBySharing: 30 });

it('adds up all saved calls', () => {
  expect(savedCalls(lookups)).toBe(600);
});

it('divides saved calls by all calls', () => {
  expect(savedShare(lookups)).toBe(0.75);
  expect(savedShare(someLookups({ paid: 3 }))).toBe(0);
  expect(savedShare(someLookups({ savedByFleet: 3 }))).toBe(1);
});

it('has no share without calls', () => {
  expect(savedShare(someLookups())).toBeNull();
});
