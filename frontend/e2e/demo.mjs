// The page without the rest of the system: node e2e/demo.mjs [--port 3000] [--visitors 200] [--troubled]
import { parseArgs } from 'node:util';
import { MockGateway } from './mock-gateway.mjs';
import { makeVisitor, random } from './visitors.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    visitors: { type: 'string', default: '200' },
    troubled: { type: 'boolean', default: false },
  },
});

/** What each of the two enrichers has paid and saved when the demo starts. */
const LOOKUPS = {
  paid: 210,
  failed: 12,
  paidForHidden: 40,
  savedByCache: 500,
  savedByFleet: 100,
  savedBySharing: 40,
  spent: 2.1,
};

const chance = random(7);
const gateway = await MockGateway.start(Number(values.port));
const guids = [];
for (let left = Number(values.visitors); left > 0; left -= 1)
  welcome(Math.floor(10_000 + chance() ** 2 * 3_600_000));
gateway.processes = describeProcesses(values.troubled);
gateway.lookups = Object.fromEntries(Object.entries(LOOKUPS).map(([name, count]) => [name, 2 * count]));
console.log(gateway.url);

setInterval(() => {
  if (chance() < 0.3) welcome(0);
  if (chance() < 0.3 && guids.length > 0)
    gateway.remove(guids.splice(Math.floor(chance() * guids.length), 1)[0]);
  for (let touches = 5; touches > 0 && guids.length > 0; touches -= 1) {
    gateway.touch(guids[Math.floor(chance() * guids.length)]);
  }
  gateway.beingIdentified = values.troubled ? 12 : Math.floor(chance() * 4);
  gateway.flush();
}, 250);

function welcome(ago) {
  const visitor = makeVisitor(chance, ago);
  if (values.troubled && chance() < 0.2)
    Object.assign(visitor, { company: null, contact: null, unidentified: true });
  guids.push(visitor.guid);
  gateway.put(visitor);
}

function describeProcesses(troubled) {
  const status = { at: 0, startedAt: Date.now(), ready: true, reason: null };
  const ingestor = {
    ...status,
    process: 'ingestor',
    emitterConnected: true,
    emitterSilentSeconds: 0.2,
    received: 1200,
    rejected: 3,
    published: 1197,
    waiting: 0,
    dropped: 0,
  };
  const enricher = {
    ...status,
    process: 'enricher',
    beingIdentified: 1,
    eventsHandled: 1190,
    queueWaiting: 4,
    lookups: LOOKUPS,
    breaker: 'closed',
    lookupConcurrency: 32,
    lookupsHeldBack: null,
  };
  const sick = troubled && {
    beingIdentified: 11,
    breaker: 'open',
    lookupsHeldBack: 'the Deanonymizer does not answer',
  };
  return [
    { ...ingestor, instance: 'web-1-a1' },
    { ...enricher, instance: 'web-1-b1' },
    { ...enricher, instance: 'web-2-b2', ...sick },
    { ...status, process: 'gateway', instance: 'web-1-c1', sessions: 200, clients: 5 },
  ];
}
