import { expect, it } from 'vitest';
import { isLoggedIn, redirectIfLoggedOut } from './login';

/** What the page asks for and where it goes, with a gateway that gives this answer. */
async function stepsAt(answer: Promise<number>): Promise<string[]> {
  const steps: string[] = [];
  await redirectIfLoggedOut({
    statusOf: (path) => {
      steps.push(`asks for ${path}`);
      return answer;
    },
    goTo: (path) => steps.push(`goes to ${path}`),
    location: { pathname: '/', search: '?q=R%26D&sort=age', hash: '#noted' },
  });
  return steps;
}

it('that has expired redirects to the login form, with the way back', async () => {
  const login = 'login?next=%2F%3Fq%3DR%2526D%26sort%3Dage#noted';
  expect(await stepsAt(Promise.resolve(401))).toEqual(['asks for api/stats', `goes to ${login}`]);
});

it.each([200, 429, 503])('is not considered expired if the answer is %i', async (status) => {
  expect(await stepsAt(Promise.resolve(status))).toEqual(['asks for api/stats']);
});

it('is not considered expired without an answer', async () => {
  expect(await stepsAt(Promise.reject(new TypeError('nobody there')))).toEqual(['asks for api/stats']);
});

it.each([
  ['visitor_logged_in=1', true],
  ['a=b; visitor_logged_in=1; c=d', true],
  ['', false],
  ['visitor_logged_in=', false],
  ['not_visitor_logged_in=1', false],
])('is there according to the cookies "%s": %s', (cookies, expected) => {
  expect(isLoggedIn(cookies)).toBe(expected);
});
