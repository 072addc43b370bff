import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import type { Series } from '../store/statsHistory';
import { useLive, useLiveStore } from '../store/useLive';
import 'uplot/dist/uPlot.min.css';

const HEIGHT = 28;
/** The minimum width of the line, in seconds. */
const MIN_SPAN = 60;

/** The property of the style that holds each line's colour. */
const COLOURS: Partial<Record<Series, 'color' | 'outlineColor'>> = { departures: 'outlineColor' };

/**
 * The figures of the last minutes, redrawn once a second. It is hidden from screen readers, because it adds nothing
 * to the figures.
 */
export function Sparkline({ series }: { series: readonly Series[] }) {
  const live = useLiveStore();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const version = useLive(({ statsHistory }) => statsHistory.version);
  const shown = series.join(' ');

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const names = shown.split(' ') as Series[];
    const drawn = draw(element, names);
    plot.current = drawn;
    const resized = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => drawn.redraw();
    scheme.addEventListener('change', repaint);
    const themed = new MutationObserver(repaint);
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      themed.disconnect();
      scheme.removeEventListener('change', repaint);
      drawn.destroy();
      plot.current = null;
    };
  }, [shown]);

  useEffect(() => {
    const { seconds, series: all } = live.statsHistory;
    plot.current?.setData([seconds, ...(shown.split(' ') as Series[]).map((name) => all[name])]);
  }, [live, shown, version]);

  return <div className="sparkline" aria-hidden="true" ref={holder} />;
}

function draw(element: HTMLElement, series: readonly Series[]): uPlot {
  const styles = getComputedStyle(element);
  // Read for each drawing, because the colour scheme may change.
  const colour = (name: Series) => () => styles[COLOURS[name] ?? 'color'];
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [3, 0, 3, 0],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_, first, last) => [Math.min(first, last - MIN_SPAN), last] },
      y: { range: (_, least, most) => withRoom(least, most, series.length > 1) },
    },
    series: [
      {},
      ...series.map((name): uPlot.Series => ({
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
  return new uPlot(options, [[], ...series.map(() => [])], element);
}

/** A constant line runs through the middle; rates start at 0. */
function withRoom(least: number, most: number, rate: boolean): [number, number] {
  if (rate) return [0, Math.max(1, most)];
  const room = Math.max((most - least) * 0.1, Math.abs(most) * 0.02, 0.5);
  return [least - room, most + room];
}
