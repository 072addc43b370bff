/**
 * The status that each process of the pipeline reports: types and validation.
 *
 * Counters start with the process; times are milliseconds since the epoch, by the server's clock.
 */
import * as v from 'valibot';
import { time } from './time';

interface ProcessStatus {
  /** Host, process id and start time, unique among processes of the same kind. */
  instance: string;
  /** When the process reported this. */
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
  /** Open after too many failed calls to the Deanonymizer; half-open while a trial call is in flight. */
  breaker: 'closed' | 'half-open' | 'open';
  /** Limit of concurrent calls. */
  lookupConcurrency: number;
  /** Why lookups are paused, in words. */
  lookupsHeldBack: string | null;
  /** `refused` or `exhausted` if the identification service does not accept our account; otherwise `ok` or absent. */
  account?: string;
}

/** What lookups cost, and how many were avoided. */
export interface Lookups {
  /** Calls to the Deanonymizer. */
  paid: number;
  /** Failed ones among them. */
  failed: number;
  /** Calls among them for visitors who must not be shown. */
  paidForHidden: number;
  /** Answers from the enricher's own cache. */
  savedByCache: number;
  /** Answers from the cache that all enrichers share. */
  savedByFleet: number;
  /** Visitors who shared a call that was already in flight. */
  savedBySharing: number;
  /** Total price, in the operator's currency. */
  spent: number;
}

export interface GatewayStatus extends ProcessStatus {
  process: 'gateway';
  sessions: number;
  clients: number;
}

/** A process of an unknown kind, or without the expected fields. */
export interface OtherStatus extends ProcessStatus {
  process: string;
}

/** What keeps the gateway's view from being up to date, and since when. */
export interface Interruption {
  /** `streams`, `ingestors`, `enrichers`, or `backlog` while the gateway catches up. */
  part: string;
  since: number;
}

/** A process that vanished without being stopped, and when it was last heard. */
export interface MissingProcess {
  process: string;
  instance: string;
  since: number;
}

export interface Pipeline {
  processes: (IngestorStatus | EnricherStatus | GatewayStatus | OtherStatus)[];
  /** Totals of all enrichers, including those that no longer run. */
  lookups: Lookups;
  /** Since when these are counted. Absent if that is not known. */
  lookupsSince?: number;
  /** The currency of `spent` (ISO 4217), where the operator names it. */
  currency?: string;
  /** Absent while nothing is interrupted. */
  interruptions?: Interruption[];
  /** Absent while none is missing. */
  missing?: MissingProcess[];
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
  lookupsSince: v.exactOptional(time),
  // A number format throws at anything else.
  currency: v.exactOptional(v.pipe(v.string(), v.regex(/^[A-Z]{3}$/))),
  interruptions: v.exactOptional(v.array(v.object({ part: v.string(), since: time }))),
  missing: v.exactOptional(v.array(v.object({ process: v.string(), instance: v.string(), since: time }))),
});
