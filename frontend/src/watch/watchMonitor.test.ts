import { beforeEach, expect, it, vi } from 'vitest';
import type { Arrival } from '../feed/change';
import type { Company } from '../feed/frame';
import { aSession } from '../testing/samples';
import { Watchlist } from './watchlist';
import { WatchMonitor } from './watchMonitor';

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };
const varga = { guid: 'v', name: 'Varga Optics', domain: 'varga.example' };

const announce = vi.fn();
let watchlist: Watchlist;
let monitor: WatchMonitor;

beforeEach(() => {
  announce.mockClear();
  watchlist = new Watchlist({ read: () => '["lumen.example"]', write: vi.fn(), subscribe: vi.fn() });
  monitor = new WatchMonitor(watchlist, announce);
});

function from(company: Company | null) {
  return { guid: 'a', session: aSession({ company }) };
}

function come(company: Company | null, arrival: Arrival = 'live'): void {
  monitor.apply({ kind: 'came', visitor: from(company), arrival });
}

it('counts the visitors from watched companies', () => {
  come(lumen, 'initial');
  come(lumen);
  come(varga);
  come(null);
  expect(monitor.watched).toBe(2);
  monitor.apply({ kind: 'left', visitor: from(lumen), reason: 'closed' });
  expect(monitor.watched).toBe(1);
  watchlist.add('varga.example');
  expect(monitor.watched).toBe(2);
  expect(monitor.visitorsFrom('varga.example')).toBe(1);
});

it('announces arrivals, not visitors who were there before', () => {
  come(lumen, 'initial');
  come(varga);
  come(null);
  expect(announce).not.toHaveBeenCalled();
  come(lumen, 'missed');
  come(lumen);
  expect(announce.mock.calls).toEqual([[lumen], [lumen]]);
});

it('announces visitors who are identified as from a watched company', () => {
  come(null);
  monitor.apply({ kind: 'changed', visitor: from(lumen), before: aSession() });
  expect(announce).toHaveBeenCalledTimes(1);
  monitor.apply({ kind: 'changed', visitor: from(lumen), before: aSession({ company: lumen }) });
  expect(announce).toHaveBeenCalledTimes(1);
  expect(monitor.watched).toBe(1);
});
