// Measures how smoothly the page renders many visitors, and whether its heap grows: see `make bench-page`.
// usage: node bench/page.mjs; VISITORS (10000), CHANGES a second (5000), SECONDS of scrolling (30), MINUTES (10)
import { loadavg } from 'node:os';
import { launchChromium } from '../browser/chromium.mjs';
import { MockGateway } from '../browser/mock/gateway.mjs';
import { Traffic } from './traffic.mjs';
import { busyShares, shareOver, trendOf } from './figures.mjs';

const { VISITORS = 10_000, CHANGES = 5_000, SECONDS = 30, MINUTES = 10 } = process.env;
/** Milliseconds between two samples of the heap. */
const HEAP_INTERVAL = 20_000;

const gateway = await MockGateway.start();
const traffic = new Traffic(gateway, Number(VISITORS));
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(gateway.url);
  await page.getByRole('gridcell').first().waitFor();
  traffic.start(Number(CHANGES));
  // The start is not part of the measurement.
  await pause(3_000);
  // Other load on the machine delays frames too.
  console.log(`${VISITORS} visitors, ${CHANGES} changes/s, load of the machine ${loadavg()[0].toFixed(1)}`);
  await measureScrolling(page);
  await measureTyping(page);
  await measureHeap(page);
} finally {
  traffic.stop();
  await browser.close();
  await gateway.stop();
}

async function measureScrolling(page) {
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', '__metadata'] });
  const frames = await page.evaluate(scrollFor, Number(SECONDS) * 1_000);
  const trace = JSON.parse((await browser.stopTracing()).toString());
  const { busy, working } = busyShares(trace.traceEvents);
  console.log(`scrolling for ${SECONDS} s: ${frames.length} frames`);
  console.log(`  frames over 16.7 ms   ${percent(shareOver(frames, 16.7))}`);
  console.log(`  frames over 50 ms     ${percent(shareOver(frames, 50))}`);
  console.log(`  longest frame         ${Math.max(...frames).toFixed(0)} ms`);
  console.log(
    `  main thread busy      ${percent(busy)}; at work, not waiting for a processor, ${percent(working)}`,
  );
}

/** Types into the search field, and measures how long each key takes until its effect is painted. */
async function measureTyping(page) {
  await page.evaluate(() => {
    globalThis.delays = [];
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries()) {
        if (name === 'keydown') globalThis.delays.push(duration);
      }
    }).observe({ type: 'event', durationThreshold: 16 });
  });
  await page.getByLabel('Search visitors').focus();
  const text = 'varga optics';
  for (const key of text) {
    await page.keyboard.type(key);
    await pause(150);
  }
  for (let left = text.length; left > 0; left -= 1) {
    await page.keyboard.press('Backspace');
    await pause(80);
  }
  await pause(500);
  const delays = await page.evaluate(() => globalThis.delays);
  console.log(`typing: ${2 * text.length} keys, longest until painted ${Math.max(16, ...delays)} ms`);
}

async function measureHeap(page) {
  const session = await page.context().newCDPSession(page);
  const samples = [];
  const until = performance.now() + Number(MINUTES) * 60_000;
  while (performance.now() < until) {
    await pause(HEAP_INTERVAL);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    samples.push([performance.now() / 60_000, usedSize / 1e6]);
  }
  if (samples.length < 2) return;
  const sizes = samples.map(([, size]) => size);
  const least = Math.min(...sizes).toFixed(1);
  console.log(
    `heap over ${MINUTES} min: ${sizes.at(0).toFixed(1)} MB first, ${sizes.at(-1).toFixed(1)} MB last`,
  );
  console.log(`  between               ${least} and ${Math.max(...sizes).toFixed(1)} MB`);
  console.log(`  trend                 ${trendOf(samples).toFixed(2)} MB/min`);
}

/** Runs in the page: scrolls down and up for so many milliseconds, and returns the duration of each frame. */
function scrollFor(milliseconds) {
  const scroller = document.querySelector('[role=grid]').parentElement;
  const frames = [];
  let down = true;
  return new Promise((done) => {
    let before;
    let first;
    requestAnimationFrame(function frame(at) {
      first ??= at;
      if (before !== undefined) frames.push(at - before);
      before = at;
      scroller.scrollTop += down ? 60 : -60;
      if (scroller.scrollTop <= 0) down = true;
      if (scroller.scrollTop >= scroller.scrollHeight - scroller.clientHeight - 1) down = false;
      if (at - first >= milliseconds) done(frames);
      else requestAnimationFrame(frame);
    });
  });
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
