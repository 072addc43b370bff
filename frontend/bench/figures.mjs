// Evaluates the measurements.

/** The share of the values above a limit. */
export function shareOver(values, limit) {
  // Frames of a 60 Hz screen take 16.67 ms, plus or minus the precision of its clock.
  return values.filter((value) => value > limit + 0.1).length / values.length;
}

/**
 * The share of a trace's time in which the main thread ran tasks, and the share in which it had a processor: on a busy
 * machine it waits for one in the middle of its tasks.
 */
export function busyShares(events) {
  const main = mainThread(events);
  const tasks = events.filter(
    ({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && key(pid, tid) === main,
  );
  const begin = tasks.reduce((earliest, { ts }) => Math.min(earliest, ts), Infinity);
  const end = tasks.reduce((latest, { ts, dur }) => Math.max(latest, ts + dur), 0);
  const share = (of) => tasks.reduce((sum, task) => sum + (of(task) ?? 0), 0) / (end - begin);
  return { busy: share(({ dur }) => dur), working: share(({ tdur }) => tdur) };
}

/** The busiest of the renderers' main threads: the others belong to pages that nobody looks at. */
function mainThread(events) {
  const names = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const busy = new Map(names.map(({ pid, tid }) => [key(pid, tid), 0]));
  for (const { name, ph, pid, tid, dur } of events) {
    const thread = key(pid, tid);
    if (name === 'RunTask' && ph === 'X' && busy.has(thread)) busy.set(thread, busy.get(thread) + dur);
  }
  return [...busy].sort(([, a], [, b]) => b - a)[0][0];
}

function key(pid, tid) {
  return `${pid} ${tid}`;
}

/** By how much the second of each pair grows with the first, by least squares. */
export function trendOf(pairs) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(pairs.map(([first]) => first));
  const y = mean(pairs.map(([, second]) => second));
  const together = pairs.reduce((sum, [first, second]) => sum + (first - x) * (second - y), 0);
  const alone = pairs.reduce((sum, [first]) => sum + (first - x) ** 2, 0);
  return together / alone;
}
