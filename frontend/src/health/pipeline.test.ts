import { describe, expect, it } from 'vitest';
import type { GatewayStatus, IngestorStatus, Pipeline } from '../feed/status';
import { formatSince } from '../shared/format';
import { anEnricher, aPipeline, NOW } from '../testing/samples';
import { assessPipeline, type Problem } from './pipeline';

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
  return assessPipeline(aPipeline({ processes }), NOW);
}

function textsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ text }) => text);
}

describe('groups and problems', () => {
  it('are fine if all processes are ready', () => {
    const { groups, problems } = assessThese(gateway, enricher, ingestor, {
      ...enricher,
      instance: 'host-2',
    });
    expect(groups).toEqual([
      { process: 'ingestor', ready: 1, total: 1 },
      { process: 'enricher', ready: 2, total: 2 },
      { process: 'gateway', ready: 1, total: 1 },
    ]);
    expect(problems).toEqual([]);
  });

  it('name the process that is not ready, and why', () => {
    const sick = {
      ...enricher,
      instance: 'host-2',
      ready: false,
      reason: 'the Deanonymizer does not answer',
    };
    const { groups, problems } = assessThese(ingestor, enricher, sick, { ...gateway, ready: false });
    expect(groups.map(({ ready, total }) => [ready, total])).toEqual([
      [1, 1],
      [1, 2],
      [0, 1],
    ]);
    expect(problems).toEqual([
      { text: 'enricher host-2: not ready', reason: 'the Deanonymizer does not answer' },
      { text: 'gateway host-1: not ready', reason: '' },
    ]);
  });

  it('ignore the last status of a silent process', () => {
    const { groups, problems } = assessThese(ingestor, { ...enricher, at: NOW - 12_000 }, gateway);
    expect(groups[1]).toEqual({ process: 'enricher', ready: 0, total: 1 });
    expect(textsOf(problems)).toEqual(['enricher host-1 has sent no status for 12s']);
  });

  it('include required processes that are missing', () => {
    expect(textsOf(assessThese(gateway).problems)).toEqual([
      'ingestor: none is running',
      'enricher: none is running',
    ]);
  });

  it('count processes that vanished, by kind', () => {
    const missing = [
      { process: 'enricher', instance: 'host-2', since: NOW - 120_000 },
      { process: 'enricher', instance: 'host-3', since: NOW - 60_000 },
      { process: 'gateway', instance: 'host-4', since: NOW - 60_000 },
    ];
    const pipeline = aPipeline({ processes: [ingestor, enricher, gateway], missing });
    expect(textsOf(assessPipeline(pipeline, NOW).problems)).toEqual([
      `2 enricher missing since ${formatSince(NOW - 120_000, NOW)}`,
      `1 gateway missing since ${formatSince(NOW - 60_000, NOW)}`,
    ]);
  });

  it('include unknown kinds of processes', () => {
    const archiver = { ...status, process: 'archiver' };
    const { groups } = assessThese(ingestor, enricher, gateway, archiver, {
      ...archiver,
      instance: 'host-2',
    });
    expect(groups.at(-1)).toEqual({ process: 'archiver', ready: 2, total: 2 });
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

  it('is reported once if enrichers hold lookups back, and not as their problem', () => {
    const { groups, deanonymizer, problems } = assessThese(ingestor, enricher, open, gateway);
    expect(groups[1]).toEqual({ process: 'enricher', ready: 2, total: 2 });
    expect(deanonymizer.state).toBe('held back');
    expect(deanonymizer.heldBack).toEqual(['the Deanonymizer does not answer']);
    expect(problems).toEqual([]);
  });

  it('cannot be used for the reason that enrichers report although they are ready', () => {
    const reason = 'deanonymizer: connection refused';
    const cut = { ...open, reason };
    const { causes } = assessThese(ingestor, cut, { ...cut, instance: 'host-3' }, enricher, gateway);
    expect(causes).toEqual([reason]);
  });

  it('is judged by enrichers that are ready', () => {
    expect(assessThese(ingestor, enricher, { ...open, ready: false }, gateway).deanonymizer.state).toBe(
      'answering',
    );
    expect(assessThese(ingestor, { ...open, at: NOW - 12_000 }, gateway).deanonymizer.state).toBe('unknown');
  });

  it('accepts an enricher without the optional fields', () => {
    const terse = { ...status, process: 'enricher' };
    expect(assessThese(ingestor, terse, gateway).deanonymizer.state).toBe('unknown');
  });
});
