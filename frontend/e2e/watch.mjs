// Opens the page in a browser and tells, for every line on standard input, what it shows; for tests that run the
// real pipeline. usage: node e2e/watch.mjs URL
import { createInterface } from 'node:readline';
import { launchBrowser } from './browser.mjs';

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node e2e/watch.mjs URL');
  process.exit(64);
}

const browser = await launchBrowser();
const page = await browser.newPage({ viewport: { width: 1280, height: 2000 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
// Every text that was ever in the document, so that nothing can be shown for a moment only.
await page.addInitScript(() => {
  globalThis.everShown = new Set();
  const note = (node) => {
    if (node.nodeType === Node.TEXT_NODE) globalThis.everShown.add(node.data);
    for (const child of node.childNodes) note(child);
    for (const attribute of node.attributes ?? []) globalThis.everShown.add(attribute.value);
  };
  new MutationObserver((mutations) => {
    for (const { target, addedNodes } of mutations) {
      note(target);
      addedNodes.forEach(note);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
});
await page.goto(url);

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  const seen = await page.evaluate(() => ({
    rows: [...document.querySelectorAll('.visitors-body [role=row]')].map((row) => row.innerText),
    figures: Object.fromEntries(
      [...document.querySelectorAll('.figure')].map((figure) => [
        figure.querySelector('dt')?.textContent,
        figure.querySelector('dd')?.textContent,
      ]),
    ),
    freshness: document.querySelector('[data-freshness]')?.dataset.freshness,
    everShown: [...globalThis.everShown],
  }));
  console.log(JSON.stringify({ ...seen, complaints }));
}
await browser.close();
