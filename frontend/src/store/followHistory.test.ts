import { expect, it, vi } from 'vitest';
import { FakeEnvironment } from '../testing/fakeEnvironment';
import { aSnapshot } from '../testing/samples';
import { followHistory } from './followHistory';
import { Live } from './live';

it('reads the history each time the page becomes live', () => {
  const environment = new FakeEnvironment();
  const live = new Live(environment);
  const read = vi.fn(() => Promise.resolve([]));
  followHistory(live, read);
  const connect = (up: boolean) => {
    if (up) live.onMessage(JSON.stringify(aSnapshot()));
    live.onConnectionChange(up);
    environment.renderFrame();
  };
  environment.renderFrame();
  expect(read).not.toHaveBeenCalled();
  connect(true);
  connect(true);
  expect(read).toHaveBeenCalledTimes(1);
  connect(false);
  connect(true);
  expect(read).toHaveBeenCalledTimes(2);
});
