import { beforeEach, expect, it, vi } from 'vitest';
import type { Coming } from '../feed/change';
import type { Company } from '../feed/frame';
import { aSession } from '../testing/samples';
import { Lookout } from './lookout';
import { Watchlist } from './watchlist';

const lumen = { guid: 'l', name: 'Lumen & Sons', domain: 'lumen.example' };
const varga = { guid: 'v', name: 'Varga Optics', domain: 'varga.example' };

const announce = vi.fn();
let watchlist: Watchlist;
let lookout: Lookout;

beforeEach(() => {
  announce.mockClear();
  watchlist = new Watchlist({ read: () => '["lumen.example"]', write: vi.fn(), watch: vi.fn() });
  lookout = new Lookout(watchlist, announce);
});

function from(company: Company | null) {
  return { guid: 'a', session: aSession({ company }) };
}

function come(company: Company | null, how: Coming = 'come'): void {
  lookout.note({ kind: 'came', row: from(company), how });
}

it('counts the visitors from watched companies who are there', () => {
  come(lumen, 'there');
  come(lumen);
  come(varga);
  come(null);
  expect(lookout.watched).toBe(2);
  lookout.note({ kind: 'left', row: from(lumen), why: 'closed' });
  expect(lookout.watched).toBe(1);
  watchlist.add('varga.example');
  expect(lookout.watched).toBe(2);
  expect(lookout.visitorsFrom('varga.example')).toBe(1);
});

it('announces who arrives, not who was there', () => {
  come(lumen, 'there');
  come(varga);
  come(null);
  expect(announce).not.toHaveBeenCalled();
  come(lumen, 'away');
  come(lumen);
  expect(announce.mock.calls).toEqual([[lumen], [lumen]]);
});

it('announces who turns out to be from a watched company', () => {
  come(null);
  lookout.note({ kind: 'changed', row: from(lumen), before: aSession() });
  expect(announce).toHaveBeenCalledTimes(1);
  lookout.note({ kind: 'changed', row: from(lumen), before: aSession({ company: lumen }) });
  expect(announce).toHaveBeenCalledTimes(1);
  expect(lookout.watched).toBe(1);
});
