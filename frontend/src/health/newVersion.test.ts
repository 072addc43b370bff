import { expect, it } from 'vitest';
import { isNewer } from './newVersion';

const page = '<div id="root"></div><script type="module" src="./assets/index-abc.js"></script>';

it.each([
  [page, 'https://v.example/assets/index-abc.js', false],
  [page, 'https://v.example/assets/index-old.js', true],
  ['<form>Log in</form>', 'https://v.example/assets/index-old.js', false],
  ['', 'https://v.example/assets/index-old.js', false],
])('%j beside %s is newer: %s', (html, script, newer) => {
  expect(isNewer(html, script)).toBe(newer);
});
