import { expect, it } from 'vitest';
import { rowHeight, type RowShape } from './rowHeight';
import { aSession } from './samples';

/** Lines of text that fit into the height of a row of this shape. */
function lines(shape: RowShape, contact: Parameters<typeof aSession>[0]): number {
  return (rowHeight(aSession(contact), shape) - 1) / 1.5;
}

const contact = { guid: 'c', name: 'Ada Quill', emailAddresses: [], phoneNumbers: [] };
const three = ['1', '2', '3'];

it('gives a line two lines of text, or as many as its longest stack', () => {
  expect(lines('line', { contact: null })).toBe(2);
  expect(lines('line', { contact: { ...contact, title: 'Buyer', emailAddresses: ['1'] } })).toBe(2);
  expect(lines('line', { contact: { ...contact, emailAddresses: three, phoneNumbers: ['1'] } })).toBe(3);
  expect(lines('line', { contact: { ...contact, phoneNumbers: [...three, '4'] } })).toBe(4);
});

it('gives a card all lines below each other', () => {
  expect(lines('card', { contact: null })).toBe(3);
  expect(lines('card', { contact })).toBe(4);
  const full = { ...contact, title: 'Buyer', emailAddresses: three, phoneNumbers: ['1', '2'] };
  expect(lines('card', { contact: full })).toBe(10);
});
