import { expect, it } from 'vitest';
import { anEnricher } from '../testing/samples';
import { assessDeanonymizer } from './deanonymizer';

const silent = 'the Deanonymizer does not answer';
const spent = 'the lookup budget of 100/min is used up';
const well = anEnricher();
const open = anEnricher({ breaker: 'open', lookupsHeldBack: silent });
const halfOpen = anEnricher({ breaker: 'half-open', lookupsHeldBack: silent });
const refused = anEnricher({ account: 'refused', lookupsHeldBack: 'the Deanonymizer refused our key (401)' });
const poor = anEnricher({ lookupsHeldBack: spent });

it.each([
  ['answers, if it does for all enrichers', [well, well], 'answering', []],
  ['is tried again, if an enricher does', [well, halfOpen], 'tried again', []],
  ['is tried again, if the next call will', [{ ...open, lookupsHeldBack: null }], 'tried again', []],
  ['is not asked where a breaker is open', [well, open], 'held back', [silent]],
  ['is not asked where one tries and another has given up', [halfOpen, open], 'held back', [silent]],
  ['is not asked where the budget is used up', [poor, poor], 'held back', [spent]],
  ['is not asked for more than one reason', [poor, open, poor], 'held back', [spent, silent]],
  [
    'refuses our account, if it does for all enrichers',
    [refused, refused],
    'refused',
    [refused.lookupsHeldBack],
  ],
  [
    'is not asked by an enricher whose account is refused',
    [refused, well],
    'held back',
    [refused.lookupsHeldBack],
  ],
  [
    'answers, whatever another release says of the account',
    [anEnricher({ account: 'new' })],
    'answering',
    [],
  ],
  ['is unknown without enrichers', [], 'unknown', []],
] as const)('%s', (_, enrichers, state, heldBack) => {
  expect(assessDeanonymizer([...enrichers])).toEqual({ state, heldBack });
});
