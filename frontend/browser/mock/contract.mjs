// The samples of the gateway's protocol that the Rust tests use too: what the mock sends is made from them.
import { readFileSync } from 'node:fs';

/** @typedef {import('../../src/feed/frame').Company} Company */
/** @typedef {import('../../src/feed/frame').Contact} Contact */
/** @typedef {import('../../src/feed/frame').Session} Session */
/** @typedef {import('../../src/feed/frame').Snapshot} Snapshot */
/** @typedef {import('../../src/feed/status').EnricherStatus} EnricherStatus */
/** @typedef {import('../../src/feed/status').GatewayStatus} GatewayStatus */
/** @typedef {import('../../src/feed/status').IngestorStatus} IngestorStatus */
/** @typedef {import('../../src/feed/status').Lookups} Lookups */
/** @typedef {import('../../src/feed/status').Pipeline} Pipeline */

/** @type {Snapshot} */
const SNAPSHOT = JSON.parse(
  readFileSync(new URL('../../../protocol/fixtures/snapshot.json', import.meta.url), 'utf8'),
);

const [identified] = SNAPSHOT.sessions;
if (!identified?.company || !identified.contact) throw new Error('no identified session in the fixture');

/** A company, and somebody who works there. */
export const LUMEN = identified.company;
export const ADA = identified.contact;

/** @type {Lookups} */
export const NO_LOOKUPS = {
  paid: 0,
  failed: 0,
  paidForHidden: 0,
  savedByCache: 0,
  savedByFleet: 0,
  savedBySharing: 0,
  spent: 0,
};

/**
 * An unknown visitor who has just come.
 *
 * @param {Partial<Session>} session what is different
 * @returns {Session}
 */
export function aSession(session = {}) {
  const now = Date.now();
  return {
    guid: 'a',
    ip: '203.0.113.7',
    openedAt: now,
    lastActivityAt: now,
    company: null,
    contact: null,
    ...session,
  };
}

/** @param {Partial<IngestorStatus>} status what is different */
export function anIngestor(status = {}) {
  return /** @type {IngestorStatus} */ ({ ...readyProcess('ingestor'), ...status });
}

/** @param {Partial<EnricherStatus>} status what is different */
export function anEnricher(status = {}) {
  const lookups = { breaker: 'closed', lookupsHeldBack: null };
  return /** @type {EnricherStatus} */ ({ ...readyProcess('enricher'), ...lookups, ...status });
}

/** @param {Partial<GatewayStatus>} status what is different */
export function aGateway(status = {}) {
  return /** @type {GatewayStatus} */ ({ ...readyProcess('gateway'), ...status });
}

/** @param {string} name */
function readyProcess(name) {
  const status = SNAPSHOT.pipeline.processes.find(({ process }) => process === name);
  if (!status) throw new Error(`no ${name} in the fixture`);
  return { ...status, startedAt: Date.now(), ready: true, reason: null };
}
