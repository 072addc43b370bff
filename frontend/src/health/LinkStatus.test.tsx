// @vitest-environment jsdom
import { cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { formatClock } from '../shared/format';
import { anIngestor, aPipeline, aSnapshot, NOW, someStats } from '../testing/samples';
import { TestPage } from '../testing/testPage';
import { LinkStatus } from './LinkStatus';

let page: TestPage;

beforeEach(() => {
  page = new TestPage();
});

afterEach(cleanup);

it('shows how up to date the view is', () => {
  const shown = page.render(<LinkStatus />);
  page.advance(2_000);
  expect(shown.textContent).toBe('Connectingfor 2s');
  page.receive(aSnapshot());
  expect(shown.textContent).toMatch(/^Liveas of \d/);
  page.disconnect();
  expect(shown.textContent).toMatch(/^Reconnectingshown as of \d/);
  page.advance(12_000);
  expect(shown.textContent).toContain('Stalefor 12s: no data from the server.');
});

it('shows since when the gateway is cut off, and from what', () => {
  const shown = page.render(<LinkStatus />);
  const interruptions = [{ part: 'ingestors', since: NOW }];
  page.receive(
    aSnapshot({ stats: someStats({ asOf: NOW }), pipeline: aPipeline({ interruptions }), now: NOW + 90_000 }),
  );
  expect(shown.textContent).toBe(
    `InterruptedShown as of ${formatClock(NOW)}. ` +
      `The connection to the website has been interrupted since ${formatClock(NOW)}.`,
  );
});

it('says that the website sends nothing', () => {
  const shown = page.render(<LinkStatus />);
  const ingestor = anIngestor({ emitterConnected: false, emitterSilentSeconds: 42 });
  page.receive(aSnapshot({ pipeline: aPipeline({ processes: [ingestor] }) }));
  expect(shown.textContent).toContain('The website has sent nothing for 42s.');
});

it('announces the state, not the seconds', () => {
  page.render(<LinkStatus />);
  page.advance(2_000);
  expect(screen.getByRole('status').textContent).toBe('Connecting');
});

it('counts invalid messages', () => {
  const shown = page.render(<LinkStatus />);
  page.receive(aSnapshot());
  page.receiveRaw('?');
  expect(shown.textContent).toContain('Messages not understood: 1.');
});
