// What every source that makes frames by itself must do, through the real media pool and frame hub.
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownTime } from '../../test/own-time.ts';
import { makeFilm, muxerFor } from '../../test/trickle-film.ts';
import { FfmpegParams, PatternParams, RecordingParams, TrickleParams } from '../api/schema.ts';
import type { FrameInfo } from '../core/frame.ts';
import { IdCounter } from '../core/ids.ts';
import { silentLogger } from '../core/log.ts';
import { startClock } from '../native/system-clock.ts';
import { FrameHub } from '../pipeline/frame-hub.ts';
import { MediaPool } from '../pipeline/media-pool.ts';
import { TiffRecording } from '../pipeline/recording/tiff-recording.ts';
import { SourceRunner } from '../pipeline/source-runner.ts';
import { TricklePublisher } from '../trickle/publisher.ts';
import { TrickleServer } from '../trickle/server.ts';
import { SOURCES } from './index.ts';

type Type = keyof typeof SOURCES;

const media = (name: string) => fileURLToPath(new URL(`../../test/media/${name}`, import.meta.url));

const tiff = join(tmpdir(), 'pages.tiff');

const trickle = await TrickleServer.start({ autocreate: true });
const channel = `${trickle.url}film`;

/** Every source of the table that runs by itself needs a row here. */
const CASES: Record<Exclude<Type, 'push'>, [string, unknown][]> = {
  pattern: [
    ...(['checkerboard', 'testbars', 'microscope', 'noise', 'squares'] as const).map((kind): [string, unknown] => [
      kind,
      PatternParams.parse({ kind, width: 321, height: 181, fps: 50 }),
    ]),
    ['irregular', PatternParams.parse({ width: 160, height: 90, vary: [5, 30], drop: 0.1 })],
  ],
  ffmpeg: [
    ['lavfi', FfmpegParams.parse({ url: 'lavfi:testsrc2=size=320x180:rate=50' })],
    ['a file in a loop', FfmpegParams.parse({ url: media('irregular.mp4') })],
  ],
  recording: [
    ['an MP4 of others', RecordingParams.parse({ file: media('irregular.mp4') })],
    ['a TIFF', RecordingParams.parse({ file: tiff, fps: 50 })],
  ],
  trickle: [
    ['a channel', TrickleParams.parse({ url: channel })],
    ['cut to size', TrickleParams.parse({ url: channel, start: -1, width: 128, height: 128 })],
  ],
};

/** Shows a film again and again, a segment each time. */
async function sendFilm(publisher: TricklePublisher): Promise<NodeJS.Timeout> {
  const units = await makeFilm({ pictures: 20, key: 20, width: 160, height: 96 });
  const muxer = muxerFor(units);
  let segment = publisher.next();
  let next = 0;
  return setInterval(() => {
    const unit = units[next % units.length]!;
    if (unit.key && next > 0) {
      void segment.end();
      segment = publisher.next();
    }
    if (unit.key) segment.write(muxer.tables());
    segment.write(muxer.video({ ...unit, pts: next * 1800 }));
    next++;
  }, 20);
}

let pool: MediaPool;
let publisher: TricklePublisher;
let sending: NodeJS.Timeout;
beforeAll(async () => {
  publisher = new TricklePublisher(channel);
  sending = await sendFilm(publisher);
  pool = new MediaPool(silentLogger, 1);
  const file = await TiffRecording.create(tiff, { name: 'pages', pixelSize: null });
  const shape = { format: 'gray16le', width: 64, height: 48, significantBits: 12 } as const;
  for (let id = 1; id <= 20; id++) {
    const identity = { id, timestamp: 1_763_640_000_000_000 + id * 20_000, format: shape.format, significantBits: 12 };
    await file.append([{ identity, shape, bytes: new Uint8Array(64 * 48 * 2).fill(id), deflated: false }]);
  }
  await file.finish();
});
afterAll(async () => {
  clearInterval(sending);
  await publisher.close();
  await trickle.close();
  await pool.close();
  await rm(tiff);
});

/** A source with everything around it. */
function bench(type: Type, params: unknown) {
  const hub = new FrameHub(256 * 2 ** 20);
  const clock = startClock();
  const frames: FrameInfo[] = [];
  const states: string[] = [];
  const ids = new IdCounter({ first: 1, limit: 10_001 });
  const waiters = new Set<() => void>();
  const check = () => {
    for (const waiter of [...waiters]) waiter();
  };
  const runner = new SourceRunner({
    type,
    params,
    hub,
    ids,
    pool,
    clock,
    log: silentLogger,
    lastTimestamp: () => frames.at(-1)?.timestamp ?? 0,
    onSound: () => {},
    onMediaTime: () => {},
    onDetails: () => {},
    onFrame: (info) => {
      frames.push(info);
      check();
    },
    onState: (state, reason) => {
      states.push(reason ? `${state}: ${reason}` : state);
      check();
    },
  });
  const until = async (done: () => boolean) => {
    if (done()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain: ${frames.length} frames, ${states.join(', ')}`)), 20_000);
      const waiter = () => {
        if (!done()) return;
        clearTimeout(timer);
        waiters.delete(waiter);
        resolve();
      };
      waiters.add(waiter);
    });
  };
  return { runner, hub, clock, frames, states, until, ids };
}

it('every row of the table is covered', () => {
  const own = Object.entries(SOURCES).filter(([, row]) => row.thread !== 'push');
  expect(Object.keys(CASES).sort()).toEqual(own.map(([type]) => type).sort());
});

describe.each(Object.entries(CASES).flatMap(([type, cases]) => cases.map(([name, params]) => [type as Type, name, params] as const)))(
  '%s: %s',
  (type, _name, params) => {
    it('gives frames that rise in id and time, stops soon, wakes again and goes on behind', async () => {
      const { runner, hub, clock, frames, states, until, ids } = bench(type, params);
      expect(runner.running).toBe(false);
      runner.want(true);
      await until(() => frames.length >= 25);
      using time = ownTime();
      runner.want(false);
      await until(() => states.at(-1) === 'asleep');
      expect(time.ms()).toBeLessThan(500);
      expect(runner.running).toBe(false);
      const stopped = frames.length;
      const published = hub.published;
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect([frames.length, hub.published]).toEqual([stopped, published]);

      runner.want(true);
      await until(() => frames.length >= stopped + 5);
      await runner.close();
      expect(runner.running).toBe(false);

      expect(frames.length).toBe(hub.published);
      for (const [i, frame] of frames.entries()) {
        const before = frames[i - 1];
        expect(frame.id).toBeGreaterThan(before?.id ?? 0);
        expect(frame.timestamp).toBeGreaterThan(before?.timestamp ?? 0);
        expect(frame.timestamp).toBeLessThanOrEqual(clock.now() + 10_000_000);
        expect([frame.format, frame.width, frame.height]).toEqual([frames[0]!.format, frames[0]!.width, frames[0]!.height]);
      }
      expect(ids.next).toBeGreaterThan(frames.at(-1)!.id);
      expect(states.filter((state) => /failed|ended/.test(state))).toEqual([]);
      // No slot is still in the writer's hand.
      const ring = hub.ring!;
      const slots: number[] = [];
      for (let slot = ring.claim(); slot >= 0; slot = ring.claim()) slots.push(slot);
      expect(slots.length).toBe(ring.memory.slots - 1);
    });
  },
);

it('a source that is wanted again while it stops begins anew', async () => {
  const { runner, frames, states, until } = bench('pattern', PatternParams.parse({ width: 64, height: 48, fps: 100 }));
  for (let round = 0; round < 5; round++) {
    runner.want(true);
    const before = frames.length;
    await until(() => frames.length > before);
    runner.want(false);
    runner.want(true);
    const stopping = frames.length;
    await until(() => frames.length > stopping + 12);
    runner.want(false);
    await until(() => states.at(-1) === 'asleep');
  }
  expect(states.filter((state) => /ended|failed/.test(state))).toEqual([]);
  await runner.close();
});

it('a source that cannot begin says why and is tried again', async () => {
  const { runner, states, until } = bench('ffmpeg', FfmpegParams.parse({ url: media('no-such-file.mp4') }));
  runner.want(true);
  await until(() => states.filter((state) => state.startsWith('failed')).length >= 2);
  expect(states.find((state) => state.startsWith('failed'))).toMatch(/no-such-file\.mp4.*; trying again in \d+ s$/);
  await runner.close();
});

it('leaves no thread behind', async () => {
  const own = new MediaPool(silentLogger, 2);
  const hub = new FrameHub(1_000_000);
  const clock = startClock();
  const frames: FrameInfo[] = [];
  const runner = new SourceRunner({
    type: 'pattern',
    params: PatternParams.parse({ width: 64, height: 48, fps: 100 }),
    hub,
    ids: new IdCounter({ first: 1, limit: 1000 }),
    pool: own,
    clock,
    log: silentLogger,
    lastTimestamp: () => 0,
    onSound: () => {},
    onMediaTime: () => {},
    onDetails: () => {},
    onFrame: (info) => void frames.push(info),
    onState: () => {},
  });
  runner.want(true);
  await expect.poll(() => frames.length, { timeout: 10_000 }).toBeGreaterThan(3);
  await own.close();
  expect(own.threads).toBe(0);
  const count = frames.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(frames.length).toBe(count);
});
