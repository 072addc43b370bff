import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { Connection, socketUrl } from './connection';
import { Failure } from './Failure';
import { Live } from './live';
import { LiveContext } from './useLive';
import './styles/tokens.css';
import './styles/page.css';

const live = new Live({
  elapsed: () => performance.now(),
  beforePaint: (callback) => requestAnimationFrame(callback),
  warn: (message) => console.warn(message),
});

new Connection(socketUrl(window.location), live).open();
tick();

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <Failure>
      <LiveContext value={live}>
        <App />
      </LiveContext>
    </Failure>
  </StrictMode>,
);

/** Keeps the ages ticking, with the server's seconds. */
function tick(): void {
  setTimeout(tick, live.tick());
}
