// @vitest-environment jsdom
import { cleanup, fireEvent } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestPage } from '../testing/testPage';
import { TableSummary } from './TableSummary';
import { HOLD_TIMEOUT, useHoldOrder } from './useHoldOrder';

let page: TestPage;
let rows: Element;

function Rows() {
  const [body, setBody] = useState<HTMLElement | null>(null);
  useHoldOrder(body);
  return (
    <>
      <div className="rows" ref={setBody} />
      <TableSummary />
    </>
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  page = new TestPage();
  const shown = page.render(<Rows />);
  const found = shown.querySelector('.rows');
  if (!found) throw new Error('no rows');
  rows = found;
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function held(): boolean {
  page.advance(0);
  return document.querySelector('.held') !== null;
}

it('lasts while the pointer moves, and until the timeout', () => {
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  expect(held()).toBe(true);
  vi.advanceTimersByTime(HOLD_TIMEOUT - 1);
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  vi.advanceTimersByTime(HOLD_TIMEOUT - 1);
  expect(held()).toBe(true);
  vi.advanceTimersByTime(1);
  expect(held()).toBe(false);
});

it('ends when the pointer leaves', () => {
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  fireEvent.pointerLeave(rows, { pointerType: 'mouse' });
  expect(held()).toBe(false);
});

it('is also started by the keyboard', () => {
  fireEvent.keyDown(rows, { key: 'ArrowDown' });
  expect(held()).toBe(true);
  fireEvent.focusOut(rows);
  expect(held()).toBe(false);
});

it('lasts after a touch until another thing is touched', () => {
  fireEvent.pointerDown(rows, { pointerType: 'touch' });
  fireEvent.pointerLeave(rows, { pointerType: 'touch' });
  expect(held()).toBe(true);
  fireEvent.touchMove(rows);
  expect(held()).toBe(true);
  fireEvent.pointerDown(document.body, { pointerType: 'touch' });
  expect(held()).toBe(false);
});

it('continues while the focus moves within the rows', () => {
  const row = rows.appendChild(document.createElement('div'));
  fireEvent.keyDown(rows, { key: 'ArrowDown' });
  fireEvent.focusOut(rows, { relatedTarget: row });
  expect(held()).toBe(true);
  fireEvent.focusOut(row, { relatedTarget: document.body });
  expect(held()).toBe(false);
});
