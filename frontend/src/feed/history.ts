/** The figures of the last hour, as the gateway keeps them: their types, and the validation of its answer. */
import * as v from 'valibot';
import { time } from './time';

const PATH = 'api/history';
/** Milliseconds to wait for an answer. */
const REQUEST_TIMEOUT = 10_000;

const pointSchema = v.object({
  at: time,
  activeSessions: v.number(),
  beingIdentified: v.number(),
  companies: v.number(),
  averageVisitorsPerCompany: v.number(),
  averageSessionSeconds: v.number(),
  arrivalsPerSecond: v.number(),
  departuresPerSecond: v.number(),
});
export type HistoryPoint = v.InferOutput<typeof pointSchema>;

const historySchema = v.object({ points: v.array(pointSchema) });

/** The points, the oldest first; none if the answer is not a history. */
export function parseHistory(answer: unknown): readonly HistoryPoint[] {
  const result = v.safeParse(historySchema, answer);
  return result.success ? result.output.points : [];
}

/** Asks the gateway; an older one, or one that cannot answer, knows no points. */
export async function readHistory(): Promise<readonly HistoryPoint[]> {
  try {
    const response = await fetch(PATH, { signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
    return response.ok ? parseHistory(await response.json()) : [];
  } catch {
    return [];
  }
}
