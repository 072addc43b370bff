// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { Profiler } from 'react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aDelta, aPipeline, aSession, aSnapshot, NOW, someLookups, someStats } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { Figures } from './Figures';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

function figure(name: string): string | null | undefined {
  return screen.getByText(name).nextElementSibling?.textContent;
}

const all = [
  'Active visitors',
  'Being identified',
  'Companies',
  'Visitors per company',
  'Session duration',
  'In and out per second',
  'Spent on lookups',
];

it('are dashes before the first frame', () => {
  page.render(<Figures />);
  expect(all.map(figure)).toEqual(['–', '–', '–', '–', '–', '–', '–']);
});

it('are those of the last frame', () => {
  const stats = {
    activeSessions: 1_250,
    beingIdentified: 3,
    companies: 500,
    averageVisitorsPerCompany: 2.4,
    averageSessionSeconds: 75.9,
  };
  const pipeline = aPipeline({ lookups: someLookups({ spent: 2.1 }) });
  page.receive(aSnapshot({ stats, pipeline }));
  page.render(<Figures />);
  expect(all.map(figure)).toEqual(['1,250', '3', '500', '2.40', '1m 15s', '–', '2.10']);
});

it('have no averages without visitors', () => {
  page.receive(aSnapshot({ stats: someStats() }));
  page.render(<Figures />);
  expect(all.map(figure)).toEqual(['0', '0', '0', '–', '–', '–', '0.00']);
});

it('let the mean duration grow between frames', () => {
  page.render(<Figures />);
  const stats = someStats({ activeSessions: 2, averageSessionSeconds: 58 });
  page.receive(aSnapshot({ stats }));
  expect(figure('Session duration')).toBe('58s');
  page.advance(1_000);
  expect(figure('Session duration')).toBe('59s');
  page.advance(1_000);
  expect(figure('Session duration')).toBe('1m 00s');
  page.receive(aDelta({ now: NOW + 2_000, stats: { ...stats, averageSessionSeconds: 10 } }));
  expect(figure('Session duration')).toBe('10s');
});

it('renders once per frame, and only what has changed', () => {
  let renders = 0;
  page.receive(aSnapshot());
  page.render(
    <Profiler id="figures" onRender={() => (renders += 1)}>
      <Figures />
    </Profiler>,
  );
  page.advance(0);
  renders = 0;
  page.receive(
    ...[2, 3, 4, 5].map((revision) => aDelta({ revision, stats: someStats({ activeSessions: revision }) })),
  );
  expect(figure('Active visitors')).toBe('5');
  expect(renders).toBe(1);
  page.advance(0);
  expect(renders).toBe(1);
});

it('average arrivals and departures over the last seconds', () => {
  page.receive(aSnapshot());
  page.render(<Figures />);
  page.advance(0);
  const changed = ['a', 'b', 'c'].map((guid) => aSession({ guid }));
  page.receive(aDelta({ now: NOW + 500, changed, removed: [['a', 'closed']] }));
  page.advance(1_000);
  expect(figure('In and out per second')).toBe('in +1.5 out −0.5');
});
