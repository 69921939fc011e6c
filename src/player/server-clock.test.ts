import { expect, test } from 'vitest';
import { ServerClock } from './server-clock.ts';

const SERVER = 1_763_640_000_000_000;

test('unknown before the first round trip', () => {
  const clock = new ServerClock(() => 0);
  expect(clock.known).toBe(false);
  expect(clock.now()).toBeNull();
  expect(clock.roundTripMs).toBeNull();
});

test('the shortest round trip decides: congestion on one side does not bend the estimate', () => {
  let page = 0;
  const clock = new ServerClock(() => page);
  // The server's time is SERVER + page time; a slow way back makes the middle of the round trip wrong by 40 ms.
  clock.sample(100, 182, SERVER + 101_000);
  expect(Math.abs(clock.now(200)! - (SERVER + 200_000))).toBe(40_000);
  clock.sample(300, 302, SERVER + 301_000);
  clock.sample(400, 450, SERVER + 401_000);
  page = 500;
  expect(clock.now()).toBe(SERVER + 500_000);
  expect(clock.roundTripMs).toBe(2);
  expect(clock.pageTime(SERVER + 123_000)).toBeCloseTo(123);
});

test('old round trips count no more, because clocks drift', () => {
  const clock = new ServerClock(() => 0);
  clock.sample(0, 1, SERVER + 500);
  // Two minutes later the server's clock is 6 ms ahead of the page's.
  clock.sample(121_000, 121_010, SERVER + 121_005_000 + 6000);
  expect(clock.now(122_000)).toBe(SERVER + 122_000_000 + 6000);
});

test('impossible answers are ignored', () => {
  const clock = new ServerClock(() => 0);
  clock.sample(10, 5, SERVER);
  clock.sample(1, 2, Number.NaN);
  expect(clock.known).toBe(false);
});
