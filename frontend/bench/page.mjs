// How fluid the page is with many visitors, and whether it keeps its memory: see `make bench-page`.
// usage: node bench/page.mjs; VISITORS (10000), CHANGES a second (5000), SECONDS of scrolling (30), MINUTES (10)
import { loadavg } from 'node:os';
import { launchBrowser } from '../browser/browser.mjs';
import { MockGateway } from '../browser/mock-gateway.mjs';
import { Crowd } from './crowd.mjs';
import { busyShares, shareOver, trendOf } from './figures.mjs';

const { VISITORS = 10_000, CHANGES = 5_000, SECONDS = 30, MINUTES = 10 } = process.env;
/** Between two looks at the heap, in milliseconds. */
const HEAP_EVERY = 20_000;

const gateway = await MockGateway.start();
const crowd = new Crowd(gateway, Number(VISITORS));
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(gateway.url);
  await page.locator('.visitors-body [role=row]').first().waitFor();
  crowd.start(Number(CHANGES));
  // What is measured is the page at work, not its start.
  await pause(3_000);
  // Where others use the machine, frames are late for their sake too.
  console.log(`${VISITORS} visitors, ${CHANGES} changes/s, load of the machine ${loadavg()[0].toFixed(1)}`);
  await measureScrolling(page);
  await measureTyping(page);
  await measureHeap(page);
} finally {
  crowd.stop();
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

/** Presses keys in the search field, as one types, and tells how long each took to be seen. */
async function measureTyping(page) {
  await page.evaluate(() => {
    globalThis.delays = [];
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries()) {
        if (name === 'keydown') globalThis.delays.push(duration);
      }
    }).observe({ type: 'event', durationThreshold: 16 });
  });
  await page.locator('.search').first().focus();
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
    await pause(HEAP_EVERY);
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

/** Scrolls down and up for so many milliseconds, in the page; returns how long each frame took. */
function scrollFor(milliseconds) {
  const scroller = document.querySelector('.visitors');
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
