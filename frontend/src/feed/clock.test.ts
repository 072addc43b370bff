import { describe, expect, it } from 'vitest';
import { ServerClock } from './clock';

const SERVER = 1_750_000_000_000;

describe('ServerClock', () => {
  it('has no time before the first frame', () => {
    expect(new ServerClock().at(0)).toBeNull();
  });

  it('advances with the elapsed time', () => {
    const clock = new ServerClock();
    clock.observe(SERVER, 500);
    expect(clock.at(500)).toBe(SERVER);
    expect(clock.at(1_750)).toBe(SERVER + 1_250);
  });

  it('uses the fastest frame, in any order', () => {
    const clock = new ServerClock();
    clock.observe(SERVER, 80);
    clock.observe(SERVER + 1_000, 1_010);
    clock.observe(SERVER + 2_000, 2_900);
    expect(clock.at(3_000)).toBe(SERVER + 2_990);
  });

  it('drops the fastest frame after a while, to follow a drifting clock', () => {
    const clock = new ServerClock();
    clock.observe(SERVER, 0);
    for (let second = 1; second <= 31; second += 1)
      clock.observe(SERVER + second * 1_000 - 200, second * 1_000);
    expect(clock.at(31_000)).toBe(SERVER + 30_800);
  });

  it('keeps the best frame of the previous window', () => {
    const clock = new ServerClock();
    clock.observe(SERVER, 0);
    clock.observe(SERVER + 15_000 - 300, 15_000);
    expect(clock.at(15_000)).toBe(SERVER + 15_000);
  });

  it('follows another server after a reset, even one that is behind', () => {
    const clock = new ServerClock();
    clock.observe(SERVER, 0);
    clock.reset();
    expect(clock.at(0)).toBeNull();
    clock.observe(SERVER - 60_000, 1_000);
    expect(clock.at(1_000)).toBe(SERVER - 60_000);
  });
});

it('follows a server whose clock is set back, within two seconds', () => {
  const clock = new ServerClock();
  for (let second = 0; second <= 10; second += 1) clock.observe(1e6 + second * 1_000, second * 1_000);
  const hour = 3_600_000;
  for (let second = 11; second <= 13; second += 1) {
    clock.observe(1e6 - hour + second * 1_000, second * 1_000);
  }
  expect(clock.at(13_000)).toBe(1e6 - hour + 13_000);
});

it('does not treat delayed frames as a clock that was set back', () => {
  const clock = new ServerClock();
  for (let second = 0; second <= 10; second += 1) clock.observe(1e6 + second * 1_000, second * 1_000);
  // Five frames arrive together.
  for (let second = 11; second <= 15; second += 1) clock.observe(1e6 + second * 1_000, 16_000);
  expect(clock.at(16_000)).toBe(1e6 + 16_000);
});
