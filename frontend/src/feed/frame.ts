/**
 * The gateway's frames: their types, and the validation of what arrives.
 *
 * Times are milliseconds since the epoch, by the server's clock. Unknown fields are ignored, so a newer
 * gateway does not break an older page.
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
  /** Null if the lookup knows nothing about the IP. */
  company: Company | null;
  contact: Contact | null;
  /** Present while no lookup has given a verdict, although the visitor is shown. */
  unidentified?: boolean;
  /** The network of the address and its operator, which is not the visitor's company. */
  network?: string;
  /** The country of the address (ISO 3166-1 alpha-2). */
  country?: string;
}

export interface Stats {
  activeSessions: number;
  /** Sessions whose lookup is pending; they are not shown yet. */
  beingIdentified: number;
  companies: number;
  /** 0 if there are none, as is the next one. */
  averageVisitorsPerCompany: number;
  averageSessionSeconds: number;
  /**
   * Server time of the last known state, if that is not `now`: the gateway is cut off, as the pipeline's
   * `interruptions` say.
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
  /** New sessions and those whose record has changed. */
  changed: Session[];
  /** Sessions of which only the last activity has changed. */
  touched: [guid: string, lastActivityAt: number][];
  /** Sessions that are gone, with the reason: closed, stale or hidden. */
  removed: [guid: string, reason: string][];
  stats: Stats;
  /** Sent about once a second; until then the last one is valid. */
  pipeline?: Pipeline;
}

export type Frame = Snapshot | Delta;

export type ParseResult = { frame: Frame } | { error: string };

/**
 * Validates one message.
 *
 * @returns the frame, or in one line what is wrong
 */
export function parseFrame(message: unknown): ParseResult {
  if (typeof message !== 'string') return { error: 'not a text message' };
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    return { error: 'not JSON' };
  }
  const result = v.safeParse(frameSchema, json, { abortEarly: true });
  if (result.success) return { frame: result.output };
  const [issue] = result.issues;
  return { error: `${v.getDotPath(issue) ?? 'frame'}: ${issue.message}` };
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
