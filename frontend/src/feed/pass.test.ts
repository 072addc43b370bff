import { expect, it } from 'vitest';
import { renewPass } from './pass';

/** What the page asks for and where it goes, with a gateway that gives this answer. */
async function stepsAt(answer: Promise<number>): Promise<string[]> {
  const steps: string[] = [];
  await renewPass({
    statusOf: (path) => {
      steps.push(`asks for ${path}`);
      return answer;
    },
    goTo: (path) => steps.push(`goes to ${path}`),
  });
  return steps;
}

it('that has expired leads to the login', async () => {
  expect(await stepsAt(Promise.resolve(401))).toEqual(['asks for /api/stats', 'goes to /login']);
});

it.each([200, 429, 503])('is not doubted where the answer is %i', async (status) => {
  expect(await stepsAt(Promise.resolve(status))).toEqual(['asks for /api/stats']);
});

it('is not doubted where there is no answer', async () => {
  expect(await stepsAt(Promise.reject(new TypeError('nobody there')))).toEqual(['asks for /api/stats']);
});
