import { describe, expect, it } from 'vitest';
import type { GatewayStatus, IngestorStatus, Pipeline } from '../feed/status';
import { anEnricher, aPipeline, NOW } from '../testing/samples';
import { assess } from './pipeline';

const status = { instance: 'host-1', at: NOW - 500, startedAt: NOW - 60_000, ready: true, reason: null };
const ingestor: IngestorStatus = {
  ...status,
  process: 'ingestor',
  emitterConnected: true,
  emitterSilentSeconds: 0.4,
  received: 1,
  rejected: 0,
  published: 1,
  waiting: 0,
  dropped: 0,
};
const enricher = anEnricher();
const gateway: GatewayStatus = { ...status, process: 'gateway', sessions: 1, clients: 1 };

function assessThese(...processes: Pipeline['processes']) {
  return assess(aPipeline({ processes }), NOW);
}

describe('crews and troubles', () => {
  it('are all well where all are ready', () => {
    const { crews, troubles } = assessThese(gateway, enricher, ingestor, { ...enricher, instance: 'host-2' });
    expect(crews).toEqual([
      { process: 'ingestor', ready: 1, total: 1 },
      { process: 'enricher', ready: 2, total: 2 },
      { process: 'gateway', ready: 1, total: 1 },
    ]);
    expect(troubles).toEqual([]);
  });

  it('name who is not ready, and why', () => {
    const sick = {
      ...enricher,
      instance: 'host-2',
      ready: false,
      reason: 'the Deanonymizer does not answer',
    };
    const { crews, troubles } = assessThese(ingestor, enricher, sick, { ...gateway, ready: false });
    expect(crews.map(({ ready, total }) => [ready, total])).toEqual([
      [1, 1],
      [1, 2],
      [0, 1],
    ]);
    expect(troubles).toEqual([
      { who: 'enricher host-2', reason: 'the Deanonymizer does not answer' },
      { who: 'gateway host-1', reason: 'not ready' },
    ]);
  });

  it('do not take the word of a process that has not been heard of for long', () => {
    const { crews, troubles } = assessThese(ingestor, { ...enricher, at: NOW - 12_000 }, gateway);
    expect(crews[1]).toEqual({ process: 'enricher', ready: 0, total: 1 });
    expect(troubles).toEqual([{ who: 'enricher host-1', reason: 'has not been heard of for 12s' }]);
  });

  it('miss those without whom nothing moves', () => {
    expect(assessThese(gateway).troubles).toEqual([
      { who: 'ingestor', reason: 'none is known to run' },
      { who: 'enricher', reason: 'none is known to run' },
    ]);
  });

  it('include kinds that are not known yet', () => {
    const archiver = { ...status, process: 'archiver' };
    const { crews } = assessThese(ingestor, enricher, gateway, archiver, { ...archiver, instance: 'host-2' });
    expect(crews.at(-1)).toEqual({ process: 'archiver', ready: 2, total: 2 });
  });
});

describe('the emitter', () => {
  it.each([
    ['connected, if any ingestor is', [ingestor, { ...ingestor, emitterConnected: false }], 'connected'],
    ['silent, if it has said nothing for long', [{ ...ingestor, emitterSilentSeconds: 12 }], 'silent'],
    ['heard, if one ingestor hears it', [ingestor, { ...ingestor, emitterSilentSeconds: 12 }], 'connected'],
    ['disconnected, if no ingestor has it', [{ ...ingestor, emitterConnected: false }], 'disconnected'],
    ['unknown without ingestors', [], 'unknown'],
  ] as const)('is %s', (_, ingestors, state) => {
    expect(assessThese(...ingestors, enricher, gateway).emitter.state).toBe(state);
  });
});

describe('the Deanonymizer', () => {
  const open = anEnricher({
    instance: 'host-2',
    breaker: 'open',
    lookupsHeldBack: 'the Deanonymizer does not answer',
  });

  it('is told of once where enrichers hold lookups back, and is no trouble of theirs', () => {
    const { crews, deanonymizer, troubles } = assessThese(ingestor, enricher, open, gateway);
    expect(crews[1]).toEqual({ process: 'enricher', ready: 2, total: 2 });
    expect(deanonymizer.state).toBe('held back');
    expect(deanonymizer.heldBack).toEqual(['the Deanonymizer does not answer']);
    expect(troubles).toEqual([]);
  });

  it('is judged by enrichers that do their job', () => {
    expect(assessThese(ingestor, enricher, { ...open, ready: false }, gateway).deanonymizer.state).toBe(
      'answering',
    );
    expect(assessThese(ingestor, { ...open, at: NOW - 12_000 }, gateway).deanonymizer.state).toBe('unknown');
  });

  it('does without what an enricher does not tell', () => {
    const terse = { ...status, process: 'enricher' };
    expect(assessThese(ingestor, terse, gateway).deanonymizer.state).toBe('unknown');
  });
});
