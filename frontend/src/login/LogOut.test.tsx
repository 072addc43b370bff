// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { LogOut } from './LogOut';

afterEach(() => {
  cleanup();
  document.cookie = 'visitor_logged_in=; Max-Age=0';
});

it('is shown after a login', () => {
  document.cookie = 'visitor_logged_in=1';
  render(<LogOut />);
  const form = screen.getByRole('button', { name: 'Log out' }).closest('form');
  expect(form?.getAttribute('action')).toBe('logout');
  expect(form?.method).toBe('post');
});

it('is not shown if no login is needed', () => {
  render(<LogOut />);
  expect(screen.queryByRole('button')).toBeNull();
});
