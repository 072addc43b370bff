/**
 * The gateway's frames: their types, and the check that turns what came over the socket into one of them.
 *
 * Times are milliseconds since the epoch, by the server's clock. Fields that this page does not know are
 * ignored, so that a newer gateway does not break an older page.
 */
import * as v from 'valibot';
import { type Pipeline, pipelineSchema } from './status';
import { time } from './time';

export interface Company {
  guid: string;
  name: string;
  domain: string;
}

export interface Contact {
  guid: string;
  name: string;
  title?: string;
  emailAddresses: string[];
  phoneNumbers: string[];
}

export interface Session {
  guid: string;
  ip: string;
  openedAt: number;
  lastActivityAt: number;
  /** Null where the lookup knows nothing about the IP. */
  company: Company | null;
  contact: Contact | null;
  /** Shown though no lookup has said yet who it is; absent where one has. */
  unidentified?: boolean;
  /** The network of the address and who runs it: not the visitor's company. */
  network?: string;
  /** The code of the address's country (ISO 3166-1 alpha-2). */
  country?: string;
}

export interface Stats {
  activeSessions: number;
  /** Sessions that wait for their lookup and are not shown yet. */
  beingIdentified: number;
  companies: number;
  /** 0 where there is nothing to average, as is the next one. */
  averageVisitorsPerCompany: number;
  averageSessionSeconds: number;
  /**
   * The server's time at which all this was last known to be right, where that is not now: the gateway is cut
   * off, as the pipeline's `interruptions` say.
   */
  asOf?: number;
}

export interface Snapshot {
  type: 'snapshot';
  revision: number;
  now: number;
  sessions: Session[];
  stats: Stats;
  pipeline: Pipeline;
}

export interface Delta {
  type: 'delta';
  revision: number;
  now: number;
  /** Sessions that are new or whose record has changed. */
  changed: Session[];
  /** Guid and last activity of sessions that are otherwise as they were. */
  touched: [guid: string, lastActivityAt: number][];
  /** Guid of sessions that are gone, and why: closed, stale or hidden. */
  removed: [guid: string, reason: string][];
  stats: Stats;
  /** Comes about once a second; until then the last one holds. */
  pipeline?: Pipeline;
}

export type Frame = Snapshot | Delta;

export type Parsed = { frame: Frame } | { problem: string };

/**
 * Checks one message of the socket.
 *
 * @returns the frame, or in one line what is wrong with the message
 */
export function parseFrame(message: unknown): Parsed {
  if (typeof message !== 'string') return { problem: 'not a text message' };
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    return { problem: 'not JSON' };
  }
  const result = v.safeParse(frameSchema, json, { abortEarly: true });
  if (result.success) return { frame: result.output };
  const [issue] = result.issues;
  return { problem: `${v.getDotPath(issue) ?? 'frame'}: ${issue.message}` };
}

const companySchema = v.object({ guid: v.string(), name: v.string(), domain: v.string() });

const contactSchema = v.object({
  guid: v.string(),
  name: v.string(),
  title: v.exactOptional(v.string()),
  emailAddresses: v.array(v.string()),
  phoneNumbers: v.array(v.string()),
});

const sessionSchema = v.object({
  guid: v.string(),
  ip: v.string(),
  openedAt: time,
  lastActivityAt: time,
  company: v.nullable(companySchema),
  contact: v.nullable(contactSchema),
  unidentified: v.exactOptional(v.boolean()),
  network: v.exactOptional(v.string()),
  country: v.exactOptional(v.string()),
});

const statsSchema = v.object({
  activeSessions: v.number(),
  beingIdentified: v.number(),
  companies: v.number(),
  averageVisitorsPerCompany: v.number(),
  averageSessionSeconds: v.number(),
  asOf: v.exactOptional(time),
});

const frameSchema: v.GenericSchema<unknown, Frame> = v.variant('type', [
  v.object({
    type: v.literal('snapshot'),
    revision: v.number(),
    now: time,
    sessions: v.array(sessionSchema),
    stats: statsSchema,
    pipeline: pipelineSchema,
  }),
  v.object({
    type: v.literal('delta'),
    revision: v.number(),
    now: time,
    changed: v.array(sessionSchema),
    touched: v.array(v.tuple([v.string(), time])),
    removed: v.array(v.tuple([v.string(), v.string()])),
    stats: statsSchema,
    pipeline: v.exactOptional(pipelineSchema),
  }),
]);
