import { POINT_SECONDS, type Point, type Series } from '../store/statsHistory';

/** The size of the drawing; it is stretched to the size of its place. */
export const WIDTH = 100;
export const HEIGHT = 28;
/** Room above and below for the width of the line. */
const MARGIN = 2;
/** The least width of the drawing in seconds, so that the first points are not far apart. */
const MIN_SPAN = 60;
/** The longest time between two points that a line bridges, in seconds. */
const MAX_BRIDGED = 3 * POINT_SECONDS;

/**
 * The lines of some figures in one scale, as paths of an SVG. A time without figures is a gap.
 *
 * A single figure's scale fits its changes; several are rates, whose scale starts at 0.
 */
export function sparklinePaths(points: readonly Point[], series: readonly Series[]): string[] {
  const last = points.at(-1)?.second ?? 0;
  const first = Math.min(points[0]?.second ?? 0, last - MIN_SPAN);
  const all = points.flatMap(({ values }) => series.map((name) => values?.[name] ?? null));
  const [bottom, top] = rangeOf(
    all.filter((value) => value !== null),
    series.length > 1,
  );
  const x = (second: number) => ((second - first) / (last - first)) * WIDTH;
  const y = (value: number) => HEIGHT - MARGIN - ((value - bottom) / (top - bottom)) * (HEIGHT - 2 * MARGIN);
  return series.map((name) => pathOf(points, name, x, y));
}

function pathOf(
  points: readonly Point[],
  name: Series,
  x: (second: number) => number,
  y: (value: number) => number,
): string {
  let path = '';
  let before = -Infinity;
  for (const { second, values } of points) {
    const value = values?.[name] ?? null;
    if (value === null) continue;
    const place = `${round(x(second))} ${round(y(value))}`;
    // A point alone is a line of no length, whose round ends are seen.
    path += second - before > MAX_BRIDGED ? `M${place}h0` : `L${place}`;
    before = second;
  }
  return path;
}

function rangeOf(values: readonly number[], areRates: boolean): [bottom: number, top: number] {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  if (areRates || values.length === 0) return [0, Math.max(1, most)];
  const room = Math.max((most - least) * 0.1, most * 0.02, 0.5);
  return [least - room, most + room];
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}
