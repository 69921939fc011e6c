import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FrameRow } from './frame-table.ts';
import { HlsSeek } from './hls-seek.ts';

const ROW: FrameRow = { pts: 900_000, id: 7, timestamp: 10_000_000, duration: 3000, repeat: false, cc: 0 };
const AT = 10;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** How long the browser, the network and hls.js take, ms. */
interface Pace {
  readonly load: number;
  readonly append: number;
  /** From the buffer to the screen. */
  readonly show: number;
  /** This many times what was loaded does not reach the picture, and hls.js takes it for complete. */
  readonly holes: number;
}

/** A `<video>` and hls.js in so far as a seek meets them: a flush waits for the append before it, and takes away what that brought. */
function world(pace: Pace) {
  const state = { seeking: false, filled: false, updating: false, loads: 0, flushes: 0, shown: null as FrameRow | null };
  let flushAfter = false;
  const video = {
    readyState: 4,
    get seeking() {
      return state.seeking;
    },
    get buffered() {
      return { length: state.filled ? 1 : 0, start: () => 0, end: () => 20 };
    },
    get currentTime() {
      return AT;
    },
    set currentTime(_at: number) {
      state.seeking = true;
      if (state.filled) arrive();
      else load();
    },
  };
  const arrive = () => {
    setTimeout(() => {
      state.seeking = false;
      seek.seeked();
      setTimeout(() => {
        state.shown = ROW;
        seek.showed(ROW);
      }, pace.show / 2);
    }, pace.show / 2);
  };
  const load = () => {
    const stats = { aborted: false };
    state.loads++;
    seek.loading(8, stats);
    setTimeout(() => {
      state.updating = true;
      setTimeout(() => {
        state.updating = false;
        seek.loaded(stats);
        if (flushAfter) {
          flushAfter = false;
          load();
        } else if (state.loads > pace.holes) {
          state.filled = true;
          arrive();
        }
      }, pace.append);
    }, pace.load);
  };
  const seek = new HlsSeek(video as unknown as HTMLVideoElement, {
    shown: () => state.shown,
    mediaTime: () => AT,
    loadFrom: () => {},
    appending: () => state.updating,
    loadAnew: () => {
      state.flushes++;
      if (state.updating) flushAfter = true;
      else if (state.loads <= pace.holes) load();
    },
  });
  const timer = setInterval(() => seek.insist(), 250);
  return { seek, state, end: () => clearInterval(timer) };
}

/** Seeks at this pace; what came of it. */
async function go(pace: Pace) {
  const { seek, state, end } = world(pace);
  const outcome = seek.begin(ROW.pts, new AbortController().signal).then(
    () => 'arrived',
    (error: DOMException) => error.name,
  );
  await vi.advanceTimersByTimeAsync(16_000);
  end();
  return { outcome: await outcome, loads: state.loads, flushes: state.flushes };
}

test('a seek arrives at any pace of the machine, and nothing that is on its way is thrown away', async () => {
  const pace = {
    load: fc.integer({ min: 0, max: 6000 }),
    append: fc.integer({ min: 1, max: 1500 }),
    show: fc.integer({ min: 0, max: 900 }),
  };
  await fc.assert(
    fc.asyncProperty(fc.record(pace), async (drawn) => {
      expect(await go({ ...drawn, holes: 0 })).toEqual({ outcome: 'arrived', loads: 1, flushes: 0 });
    }),
  );
});

test('a load in step with the looks does not flush what it has just appended', async () => {
  expect(await go({ load: 450, append: 100, show: 20, holes: 0 })).toEqual({ outcome: 'arrived', loads: 1, flushes: 0 });
});

test('what hls.js takes for complete is loaded anew; what never comes is given up soon', async () => {
  expect(await go({ load: 100, append: 10, show: 20, holes: 2 })).toEqual({ outcome: 'arrived', loads: 3, flushes: 2 });
  const started = Date.now();
  const { seek, end } = world({ load: 100, append: 10, show: 20, holes: 99 });
  const ended = seek.begin(ROW.pts, new AbortController().signal).catch((error: DOMException) => [error.name, Date.now() - started < 8000]);
  await vi.advanceTimersByTimeAsync(16_000);
  end();
  expect(await ended).toEqual(['TimeoutError', true]);
});

test('loading begins at the place that is sought, and not anew when its estimate is made exact', async () => {
  const video = { readyState: 0, seeking: false, currentTime: 0, buffered: { length: 0 } };
  const from: number[] = [];
  let at: number | null = null;
  const seek = new HlsSeek(video as unknown as HTMLVideoElement, {
    shown: () => null,
    mediaTime: () => at,
    loadFrom: (place) => from.push(place),
    appending: () => false,
    loadAnew: () => {},
  });
  const arrived = seek.begin(ROW.pts, new AbortController().signal);
  seek.retarget();
  expect(from).toEqual([]);
  for (at of [AT, AT + 0.001, AT - 2]) seek.retarget();
  expect(from).toEqual([AT, AT - 2]);
  expect(video.currentTime).toBe(AT - 2);
  seek.showed(ROW);
  await arrived;
});
