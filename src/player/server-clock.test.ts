import fc from 'fast-check';
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
  // Two minutes later the server's clock is 6 ms ahead of the page's (50 ppm).
  clock.sample(121_000, 121_010, SERVER + 121_005_000 + 6000);
  expect(clock.now(122_000)).toBe(SERVER + 122_000_000 + 6000);
});

test('impossible answers are ignored', () => {
  const clock = new ServerClock(() => 0);
  clock.sample(10, 5, SERVER);
  clock.sample(1, 2, Number.NaN);
  expect(clock.known).toBe(false);
});

/** Even numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('over a network with jitter and with drifting clocks it stays within its own doubt', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.constantFrom(0, 80, -120, 300), (seed, ppm) => {
      const random = randomOf(seed);
      let page = 0;
      const clock = new ServerClock(() => page);
      const server = (at: number) => SERVER + at * 1000 * (1 + ppm / 1e6);
      for (let i = 0; i < 60; i++) {
        page += i < 6 ? 60 : 10_000;
        // 1 ms each way at least, and often much more on one of them.
        const out = 1 - Math.log(1 - random()) * 3;
        const back = 1 - Math.log(1 - random()) * 3 + (random() < 0.1 ? 80 : 0);
        const sent = page;
        page += out + back;
        clock.sample(sent, page, server(sent + out));
        const error = Math.abs(clock.now()! - server(page)) / 1000;
        // It counts in whole µs.
        expect(error).toBeLessThanOrEqual(clock.doubtMs! + 0.002);
        if (i >= 6) expect(clock.doubtMs!).toBeLessThan(60);
        expect(clock.now(clock.pageTime(SERVER + 5_000_000)!)).toBeCloseTo(SERVER + 5_000_000, -1);
      }
    }),
    { numRuns: 60 },
  );
});

test.each([0, 80, -120, 300])('a drift of %i ppm is found over a quiet network', (ppm) => {
  let page = 0;
  const clock = new ServerClock(() => page);
  for (let i = 0; i < 30; i++, page += 10_000) {
    const out = 0.5 + (i % 3) * 0.2;
    clock.sample(page, page + 1.4, SERVER + (page + out) * 1000 * (1 + ppm / 1e6));
  }
  expect(Math.abs(clock.driftPpm! - ppm)).toBeLessThan(5);
  expect(clock.doubtMs!).toBeLessThan(2);
});

test('a server with another clock is noticed at once', () => {
  let page = 0;
  const clock = new ServerClock(() => page);
  for (; page < 60_000; page += 5000) clock.sample(page, page + 1, SERVER + page * 1000 + 500);
  clock.sample(page, page + 30, SERVER + page * 1000 + 15_000 + 400_000);
  expect(clock.now()).toBe(SERVER + page * 1000 + 400_000);
  expect(clock.offsetMs((SERVER + page * 1000) / 1000)).toBeCloseTo(400, 3);
});
