/**
 * How the processes behind the page are, as they say themselves: the types, and the checks of them.
 *
 * Counts run since the process started; times are milliseconds since the epoch, by the server's clock.
 */
import * as v from 'valibot';
import { time } from './time';

interface ProcessStatus {
  /** Host, process id and start, so that two processes of a kind can be told apart. */
  instance: string;
  /** When the process said this. */
  at: number;
  startedAt: number;
  ready: boolean;
  /** Why it is not ready. */
  reason: string | null;
}

export interface IngestorStatus extends ProcessStatus {
  process: 'ingestor';
  emitterConnected: boolean;
  emitterSilentSeconds: number;
  received: number;
  rejected: number;
  published: number;
  waiting: number;
  dropped: number;
}

export interface EnricherStatus extends ProcessStatus {
  process: 'enricher';
  beingIdentified: number;
  eventsHandled: number;
  queueWaiting: number;
  lookups: Lookups;
  /** Open where too many calls to the Deanonymizer have failed; half-open while one tries whether it is better. */
  breaker: 'closed' | 'half-open' | 'open';
  /** How many calls may run at once now. */
  lookupConcurrency: number;
  /** Why no calls are made now, in words. */
  lookupsHeldBack: string | null;
  /** `refused` or `exhausted` where the identification service does not accept our account; else `ok` or absent. */
  account?: string;
}

/** What lookups cost and what was saved. */
export interface Lookups {
  /** Calls to the Deanonymizer. */
  paid: number;
  /** Those of them that brought no answer. */
  failed: number;
  /** Those of them that brought no more than that a visitor is not to be shown. */
  paidForHidden: number;
  /** Visitors whose answer an enricher had kept itself. */
  savedByCache: number;
  /** Visitors whose answer another enricher had kept. */
  savedByFleet: number;
  /** Visitors who had a part in somebody else's call. */
  savedBySharing: number;
  /** What the calls cost, in the operator's currency. */
  spent: number;
}

export interface GatewayStatus extends ProcessStatus {
  process: 'gateway';
  sessions: number;
  clients: number;
}

/** A process of a kind that this page does not know, or that says less about itself than it should. */
export interface OtherStatus extends ProcessStatus {
  process: string;
}

/** A part that keeps the gateway's view from being up to date, and since when. */
export interface Interruption {
  /** `streams`, `ingestors`, `enrichers`, or `backlog` while what has waited is worked off. */
  part: string;
  since: number;
}

export interface Pipeline {
  processes: (IngestorStatus | EnricherStatus | GatewayStatus | OtherStatus)[];
  /** Those of the whole fleet, enrichers that have gone included. */
  lookups: Lookups;
  /** Absent while nothing is cut off. */
  interruptions?: Interruption[];
}

const processEntries = {
  instance: v.string(),
  at: time,
  startedAt: time,
  ready: v.boolean(),
  reason: v.nullable(v.string()),
};

const lookupsSchema = v.object({
  paid: v.number(),
  failed: v.number(),
  paidForHidden: v.number(),
  savedByCache: v.number(),
  savedByFleet: v.number(),
  savedBySharing: v.number(),
  spent: v.number(),
});

export const pipelineSchema: v.GenericSchema<unknown, Pipeline> = v.object({
  processes: v.array(
    v.union([
      v.object({
        process: v.literal('ingestor'),
        ...processEntries,
        emitterConnected: v.boolean(),
        emitterSilentSeconds: v.number(),
        received: v.number(),
        rejected: v.number(),
        published: v.number(),
        waiting: v.number(),
        dropped: v.number(),
      }),
      v.object({
        process: v.literal('enricher'),
        ...processEntries,
        beingIdentified: v.number(),
        eventsHandled: v.number(),
        queueWaiting: v.number(),
        lookups: lookupsSchema,
        breaker: v.picklist(['closed', 'half-open', 'open']),
        lookupConcurrency: v.number(),
        lookupsHeldBack: v.nullable(v.string()),
        account: v.exactOptional(v.string()),
      }),
      v.object({
        process: v.literal('gateway'),
        ...processEntries,
        sessions: v.number(),
        clients: v.number(),
      }),
      v.object({ process: v.string(), ...processEntries }),
    ]),
  ),
  lookups: lookupsSchema,
  interruptions: v.exactOptional(v.array(v.object({ part: v.string(), since: time }))),
});
