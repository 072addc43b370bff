// @vitest-environment jsdom
import { cleanup, fireEvent } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PlayedPage } from '../testing/playedPage';
import { READING, useReading } from './useReading';
import { Shown } from './Shown';

let page: PlayedPage;
let rows: Element;

function Rows() {
  const [body, setBody] = useState<HTMLElement | null>(null);
  useReading(body);
  return (
    <>
      <div className="rows" ref={setBody} />
      <Shown />
    </>
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  page = new PlayedPage();
  const shown = page.show(<Rows />);
  const found = shown.querySelector('.rows');
  if (!found) throw new Error('no rows');
  rows = found;
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function held(): boolean {
  page.pass(0);
  return document.querySelector('.held') !== null;
}

it('lasts while the pointer moves, and for a while after', () => {
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  expect(held()).toBe(true);
  vi.advanceTimersByTime(READING - 1);
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  vi.advanceTimersByTime(READING - 1);
  expect(held()).toBe(true);
  vi.advanceTimersByTime(1);
  expect(held()).toBe(false);
});

it('ends when the pointer leaves', () => {
  fireEvent.pointerMove(rows, { pointerType: 'mouse' });
  fireEvent.pointerLeave(rows, { pointerType: 'mouse' });
  expect(held()).toBe(false);
});

it('is done by keyboard as well, and not by a finger', () => {
  fireEvent.pointerMove(rows, { pointerType: 'touch' });
  expect(held()).toBe(false);
  fireEvent.keyDown(rows, { key: 'ArrowDown' });
  expect(held()).toBe(true);
  fireEvent.focusOut(rows);
  expect(held()).toBe(false);
});
