/** Complete frames for tests, which override only the relevant fields. */
import type { Delta, Session, Snapshot, SnapshotPart, Stats } from '../feed/frame';
import type { EnricherStatus, IngestorStatus, Lookups, Pipeline } from '../feed/status';

/** The server's time in these frames, in milliseconds since the epoch; a whole second. */
export const NOW = 1_750_000_000_000;

export function aSession(session: Partial<Session> = {}): Session {
  return {
    guid: 'a',
    ip: '203.0.113.7',
    openedAt: NOW - 60_000,
    lastActivityAt: NOW - 5_000,
    company: null,
    contact: null,
    ...session,
  };
}

export function someStats(stats: Partial<Stats> = {}): Stats {
  return {
    activeSessions: 0,
    beingIdentified: 0,
    companies: 0,
    averageVisitorsPerCompany: 0,
    averageSessionSeconds: 0,
    ...stats,
  };
}

export function someLookups(lookups: Partial<Lookups> = {}): Lookups {
  return {
    paid: 0,
    failed: 0,
    paidForHidden: 0,
    savedByCache: 0,
    savedByFleet: 0,
    savedBySharing: 0,
    spent: 0,
    ...lookups,
  };
}

export function anEnricher(enricher: Partial<EnricherStatus> = {}): EnricherStatus {
  return {
    process: 'enricher',
    instance: 'host-1',
    at: NOW - 500,
    startedAt: NOW - 60_000,
    ready: true,
    reason: null,
    beingIdentified: 0,
    eventsHandled: 0,
    queueWaiting: 0,
    lookups: someLookups(),
    breaker: 'closed',
    lookupConcurrency: 32,
    lookupsHeldBack: null,
    ...enricher,
  };
}

export function anIngestor(ingestor: Partial<IngestorStatus> = {}): IngestorStatus {
  return {
    process: 'ingestor',
    instance: 'host-2',
    at: NOW - 500,
    startedAt: NOW - 60_000,
    ready: true,
    reason: null,
    emitterConnected: true,
    emitterSilentSeconds: 0,
    received: 0,
    rejected: 0,
    published: 0,
    waiting: 0,
    dropped: 0,
    ...ingestor,
  };
}

export function aPipeline(pipeline: Partial<Pipeline> = {}): Pipeline {
  return { processes: [], lookups: someLookups(), ...pipeline };
}

export function aSnapshot(snapshot: Partial<Snapshot> = {}): Snapshot {
  return {
    type: 'snapshot',
    revision: 1,
    now: NOW,
    sessions: [],
    remaining: 0,
    stats: someStats(),
    pipeline: aPipeline(),
    ...snapshot,
  };
}

export function aSnapshotPart(part: Partial<SnapshotPart> = {}): SnapshotPart {
  return { type: 'snapshot-part', revision: 1, sessions: [], remaining: 0, ...part };
}

export function aDelta(delta: Partial<Delta> = {}): Delta {
  return {
    type: 'delta',
    revision: 2,
    now: NOW,
    changed: [],
    touched: [],
    removed: [],
    stats: someStats(),
    ...delta,
  };
}
