import { expect, it } from 'vitest';
import { hasPass, renewPass } from './pass';

/** What the page asks for and where it goes, with a gateway that gives this answer. */
async function stepsAt(answer: Promise<number>): Promise<string[]> {
  const steps: string[] = [];
  await renewPass({
    statusOf: (path) => {
      steps.push(`asks for ${path}`);
      return answer;
    },
    goTo: (path) => steps.push(`goes to ${path}`),
    location: { pathname: '/', search: '?q=R%26D&sort=age', hash: '#noted' },
  });
  return steps;
}

it('that has expired leads to the login and back to the same address', async () => {
  const login = '/login?next=%2F%3Fq%3DR%2526D%26sort%3Dage#noted';
  expect(await stepsAt(Promise.resolve(401))).toEqual(['asks for /api/stats', `goes to ${login}`]);
});

it.each([200, 429, 503])('is not doubted where the answer is %i', async (status) => {
  expect(await stepsAt(Promise.resolve(status))).toEqual(['asks for /api/stats']);
});

it('is not doubted where there is no answer', async () => {
  expect(await stepsAt(Promise.reject(new TypeError('nobody there')))).toEqual(['asks for /api/stats']);
});

it.each([
  ['visitor_logged_in=1', true],
  ['a=b; visitor_logged_in=1; c=d', true],
  ['', false],
  ['visitor_logged_in=', false],
  ['not_visitor_logged_in=1', false],
])('is there according to the cookies "%s": %s', (cookies, expected) => {
  expect(hasPass(cookies)).toBe(expected);
});
