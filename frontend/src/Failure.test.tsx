// @vitest-environment jsdom
import { render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { Failure } from './Failure';

function Broken(): never {
  throw new Error('broken');
}

it('says that the page has failed, where it would be blank', () => {
  // React tells the console of it, which is where it belongs, but not in a test's output.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  render(
    <Failure>
      <Broken />
    </Failure>,
  );
  expect(screen.getByRole('alert').textContent).toContain('reloading');
});
