// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pipeline } from '../feed/status';
import { formatClock, formatSince } from '../shared/format';
import { anIngestor, aPipeline, aSnapshot, NOW, someStats } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { EmptyTable } from './EmptyTable';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

/** What is said of an empty table. */
function said(pipeline: Partial<Pipeline>, asOf: { asOf?: number } = {}): string | null {
  const shown = page.render(<EmptyTable />);
  page.receive(aSnapshot({ stats: someStats(asOf), pipeline: aPipeline(pipeline) }));
  return shown.textContent;
}

it('says that nobody is there only if that is known', () => {
  expect(said({ processes: [anIngestor()] })).toContain('Nobody is on the website right now');
});

it.each([
  ['streams', 'The connection to the visitor data has been interrupted since'],
  ['ingestors', 'The connection to the website has been interrupted since'],
  ['enrichers', 'The identification of visitors has been interrupted since'],
  ['backlog', 'The connection is back. Missed changes are being added.'],
  ['a part of a newer gateway', 'A part of the system has been interrupted since'],
])('says that it is unknown who is there without %s', (part, why) => {
  const text = said({ interruptions: [{ part, since: NOW }] }, { asOf: NOW });
  expect(screen.getByRole('heading').textContent).toBe('We cannot tell who is on the website right now');
  expect(text).toContain(why);
  expect(text).not.toContain('Nobody');
  if (part !== 'backlog') expect(text).toContain(formatClock(NOW));
});

it('says why the table is empty if the website sends nothing', () => {
  const text = said({ processes: [anIngestor({ emitterConnected: false, emitterSilentSeconds: 125 })] });
  expect(screen.getByRole('heading').textContent).toBe('The website is not connected');
  expect(text).toContain(`The website has sent nothing since ${formatSince(NOW - 125_000, NOW)}.`);
  expect(text).not.toContain('Nobody');
});
