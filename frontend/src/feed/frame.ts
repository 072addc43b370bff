/**
 * The gateway's frames: their types, and the validation of what arrives.
 *
 * Times are milliseconds since the epoch, by the server's clock. Unknown fields are ignored, so a newer gateway does
 * not break an older page.
 */
import * as v from 'valibot';
import { pipelineSchema } from './status';
import { time } from './time';

const companySchema = v.object({ guid: v.string(), name: v.string(), domain: v.string() });
export type Company = v.InferOutput<typeof companySchema>;

const contactSchema = v.object({
  guid: v.string(),
  name: v.string(),
  title: v.exactOptional(v.string()),
  emailAddresses: v.array(v.string()),
  phoneNumbers: v.array(v.string()),
});
export type Contact = v.InferOutput<typeof contactSchema>;

const pageSchema = v.object({ url: v.string(), title: v.string() });
/** A page of the website; neither text is checked. */
export type Page = v.InferOutput<typeof pageSchema>;

const sessionSchema = v.object({
  guid: v.string(),
  ip: v.string(),
  openedAt: time,
  lastActivityAt: time,
  /** Null if the lookup knows nothing about the IP. */
  company: v.nullable(companySchema),
  contact: v.nullable(contactSchema),
  /** Present while no lookup has given a verdict, although the visitor is shown. */
  unidentified: v.exactOptional(v.boolean()),
  /** The network of the address and its operator, which is not the visitor's company. */
  network: v.exactOptional(v.string()),
  /** The country of the address (ISO 3166-1 alpha-2). */
  country: v.exactOptional(v.string()),
  /** The page that the visitor sees, if the website reports it. */
  page: v.exactOptional(pageSchema),
  /** The other website that the visitor came from, if the website reports it. */
  referrer: v.exactOptional(v.string()),
});
export type Session = v.InferOutput<typeof sessionSchema>;

const statsSchema = v.object({
  activeSessions: v.number(),
  /** Sessions whose lookup is pending; they are not shown yet. */
  beingIdentified: v.number(),
  companies: v.number(),
  /** 0 if there are none; the same applies to the next field. */
  averageVisitorsPerCompany: v.number(),
  averageSessionSeconds: v.number(),
  /**
   * Server time of the last known state, if that is not `now`: the gateway is cut off, as the pipeline's
   * `interruptions` say.
   */
  asOf: v.exactOptional(time),
});
export type Stats = v.InferOutput<typeof statsSchema>;

const snapshotSchema = v.object({
  type: v.literal('snapshot'),
  revision: v.number(),
  now: time,
  sessions: v.array(sessionSchema),
  /** How many sessions the parts after this message hold. */
  remaining: v.exactOptional(v.number(), 0),
  stats: statsSchema,
  pipeline: pipelineSchema,
});
export type Snapshot = v.InferOutput<typeof snapshotSchema>;

const snapshotPartSchema = v.object({
  type: v.literal('snapshot-part'),
  /** The revision of the snapshot. */
  revision: v.number(),
  sessions: v.array(sessionSchema),
  /** How many sessions the parts after this one hold. */
  remaining: v.number(),
});
export type SnapshotPart = v.InferOutput<typeof snapshotPartSchema>;

const deltaSchema = v.object({
  type: v.literal('delta'),
  revision: v.number(),
  now: time,
  /** New sessions and those whose record has changed. */
  changed: v.array(sessionSchema),
  /** GUID and last activity of sessions that have changed only in their last activity. */
  touched: v.array(v.tuple([v.string(), time])),
  /** GUID of sessions that are gone, and the reason: closed, stale or hidden. */
  removed: v.array(v.tuple([v.string(), v.string()])),
  stats: statsSchema,
  /** Sent about once a second; until then the last one is valid. */
  pipeline: v.exactOptional(pipelineSchema),
});
export type Delta = v.InferOutput<typeof deltaSchema>;

const frameSchema = v.variant('type', [snapshotSchema, snapshotPartSchema, deltaSchema]);
export type Frame = Snapshot | SnapshotPart | Delta;

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
