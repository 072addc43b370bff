import { expect, it } from 'vitest';
import { titleOf } from './title';

it('counts visitors from watched companies', () => {
  expect(titleOf(0)).toBe('On the website right now');
  expect(titleOf(2)).toBe('(2) On the website right now');
});
