// The `trickle` source at a real server: what comes out has the pictures, times and sound that were sent.
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { type FilmUnit, gapAfter, makeFilm, segmentsOf, sendPaced } from '../../test/trickle-film.ts';
import { type FrameInfo, frameBytes } from '../core/frame.ts';
import { silentLogger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import { readBarcode } from '../formats/barcode.ts';
import { TS_PACKET, TS_WRAP } from '../formats/mpegts.ts';
import { startClock } from '../native/system-clock.ts';
import { TricklePublisher } from '../trickle/publisher.ts';
import { TrickleServer } from '../trickle/server.ts';
import type { SoundBlock } from './source.ts';
import { run, type TrickleParams } from './trickle.ts';

interface Shot extends Pick<FrameInfo, 'timestamp' | 'width' | 'height'> {
  /** Number in the barcode, -1 = not readable. */
  readonly index: number;
  readonly mediaTime: number;
  readonly at: number;
}

interface Played {
  readonly shots: Shot[];
  readonly sounds: SoundBlock[];
  readonly details: () => Record<string, never>;
  readonly ended: Promise<unknown>;
  readonly abort: AbortController;
  change(params: Partial<TrickleParams>): void;
}

const clock = startClock();
let server: TrickleServer;
let names = 0;
beforeAll(async () => {
  server = await TrickleServer.start();
});
afterAll(() => server.close());

/** Runs the source as its job does. */
function play(url: string, params: Partial<TrickleParams> = {}): Played {
  const abort = new AbortController();
  const shots: Shot[] = [];
  const sounds: SoundBlock[] = [];
  let details: Record<string, never> = {};
  let onParams: (params: TrickleParams) => void = () => {};
  const settings: TrickleParams = { url, start: -2, audio: true, ...params };
  const ended = run({
    params: settings,
    clock,
    log: silentLogger,
    last: 0 as Micros,
    signal: abort.signal,
    sound: (block) => void sounds.push(block),
    details: (now) => {
      details = now as Record<string, never>;
    },
    changed: (listener) => {
      onParams = listener;
    },
    report: () => {},
    until: async () => {},
    begin: async (format, width, height) => {
      const pixels = new Uint8Array(new SharedArrayBuffer(frameBytes(format, width, height)));
      return {
        id: shots.length + 1,
        pixels,
        discard: () => {},
        publish: (timestamp, options) => {
          const index = readBarcode(pixels.subarray(0, width * height), width)?.frame ?? -1;
          shots.push({ timestamp, width, height, index, mediaTime: options!.mediaTime!, at: performance.now() });
          return true;
        },
      };
    },
  }).then(
    () => null,
    (error: unknown) => error,
  );
  return { shots, sounds, details: () => details, ended, abort, change: (next) => onParams({ ...settings, ...next }) };
}

/** A channel with a publisher. */
function channel() {
  const name = `film-${++names}`;
  server.channels.open(name, { contentType: 'video/mp2t' });
  const url = `${server.url}${name}`;
  return { url, publisher: new TricklePublisher(url) };
}

/**
 * Sends each segment at once, as a late reader finds it. The next follows when most pictures of it were taken: what waits for longer than 3 s
 * gives way, and a busy machine needs so long for a few segments.
 */
async function sendAtOnce({ publisher }: { publisher: TricklePublisher }, to: Played, segments: readonly Uint8Array[][]): Promise<void> {
  let sent = 0;
  let over = false;
  void to.ended.then(() => {
    over = true;
  });
  const taken = () => {
    const told = to.details() as { pictures?: { received: number }; transport?: { withoutKey: number } };
    return Math.max(to.shots.length, (told.pictures?.received ?? 0) + (told.transport?.withoutKey ?? 0));
  };
  for (const bytes of segments) {
    await vi.waitUntil(() => over || taken() >= sent - 10, settled);
    const segment = publisher.next();
    for (const chunk of bytes) segment.write(chunk);
    await segment.end();
    // The tables come first.
    sent += bytes.length - 1;
  }
}

const video = (units: readonly FilmUnit[]) => units.filter(({ kind }) => kind === 'video');
const settled = { timeout: 20_000, interval: 20 };

describe('180 pictures at uneven times', () => {
  it.concurrent.for([
    ['with the capture times inside', true],
    ['without', false],
  ] as const)('%s: every picture, its time of the stream exact, in order', async ([_, inside], { expect }) => {
    const first = (clock.now() - 8_000_000) as Micros;
    const start = TS_WRAP - 3 * 90_000;
    const units = await makeFilm({ pictures: 180, start, sound: !inside, ...(inside ? { identity: first } : {}) });
    const { url, publisher } = channel();
    // From the first segment: on a busy machine the second may have begun before “the one being written” is asked for.
    const played = play(url, { start: 0 });
    const { shots, sounds, details, ended } = played;
    await expect.poll(() => details().state).toBe('connecting');
    // What says its own time may come at any pace.
    if (inside) await sendAtOnce({ publisher }, played, segmentsOf(units));
    else await sendPaced(publisher, units);
    await expect.poll(() => shots.length, settled).toBe(180);
    await publisher.close();
    expect(await ended).toBe(null);

    expect(shots.map(({ index }) => index)).toEqual(Array.from({ length: 180 }, (_, i) => i));
    // Times of the stream go on over the wrap of 33 bits.
    const zero = shots[0]!.mediaTime;
    expect(zero % TS_WRAP).toBe(start);
    expect(shots.map(({ mediaTime }) => mediaTime - zero)).toEqual(video(units).map(({ pts }) => pts - start));
    const steps = shots.slice(1).map(({ timestamp }, i) => timestamp - shots[i]!.timestamp - (gapAfter(i) * 100) / 9);
    if (inside) {
      expect(shots.map(({ timestamp }) => timestamp - first)).toEqual(video(units).map(({ pts }) => Math.round(((pts - start) * 100) / 9)));
    } else {
      for (const [i, { timestamp }] of shots.entries()) if (i) expect(timestamp).toBeGreaterThan(shots[i - 1]!.timestamp);
      // Mapped to our clock, which may move by a quarter of each step while it finds the least delay.
      for (const step of steps) expect(Math.abs(step)).toBeLessThan(20_000);
      // Sound lies where the pictures are: the beep of each whole second.
      expect(sounds.length).toBeGreaterThan(200);
      const beeps = beepsOf(sounds);
      expect(beeps.length).toBeGreaterThan(4);
      for (const beep of beeps) {
        const ticks = Math.round(beep.second * 90_000 + start);
        const after = video(units).findIndex(({ pts }) => pts >= ticks);
        const picture = shots[after]!;
        const wanted = picture.timestamp - ((video(units)[after]!.pts - ticks) * 100) / 9;
        expect(Math.abs(beep.at - wanted)).toBeLessThan(25_000);
      }
    }
    expect(details()).toMatchObject({
      type: 'trickle',
      url,
      state: 'ended',
      pictures: { received: 180, decoded: 180, failed: 0, restarts: 0, late: 0 },
      transport: { gaps: 0, broken: 0, withoutKey: 0 },
      video: { codec: 'h264', width: 320, height: 180 },
    });
  });
});

/** When it begins to beep, and of which second of the film that is. */
function beepsOf(sounds: readonly SoundBlock[]): { at: number; second: number }[] {
  const beeps: { at: number; second: number }[] = [];
  let quiet = true;
  for (const { timestamp, data, rate } of sounds) {
    const plane = data[0]!;
    const loud = plane.findIndex((sample) => Math.abs(sample) > 0.3);
    if (loud >= 0 && quiet) beeps.push({ at: timestamp + (loud * 1e6) / rate, second: beeps.length });
    quiet = loud < 0;
  }
  return beeps;
}

it.concurrent('a burst of a late join: nothing is lost, times keep their spacing, the last one is now', async ({ expect }) => {
  const units = await makeFilm({ pictures: 60, key: 60, start: 5_000_000 });
  const { url, publisher } = channel();
  const segment = publisher.next();
  for (const chunk of segmentsOf(units)[0]!) segment.write(chunk);
  const bytes = segmentsOf(units)[0]!.reduce((sum, chunk) => sum + chunk.length, 0);
  await expect.poll(() => server.channels.get(url.split('/').at(-1)!)!.stats.held, settled).toBeGreaterThanOrEqual(bytes);
  const joined = clock.now();
  const { shots, abort, ended } = play(url);
  await expect.poll(() => shots.length, settled).toBe(60);
  const span = (video(units).at(-1)!.pts - units[0]!.pts) / 0.09;
  expect(Math.abs(shots.at(-1)!.timestamp - shots[0]!.timestamp - span)).toBeLessThan(2);
  for (const [i, shot] of shots.entries()) {
    expect(shot.index).toBe(i);
    if (i) expect(Math.abs(shot.timestamp - shots[i - 1]!.timestamp - (gapAfter(i - 1) * 100) / 9)).toBeLessThan(2);
  }
  expect(shots.at(-1)!.timestamp).toBeGreaterThan(joined - 100_000);
  expect(shots.at(-1)!.timestamp).toBeLessThanOrEqual(clock.now());
  abort.abort();
  expect(await ended).toBe(null);
  segment.drop('over');
  await publisher.close();
});

it.concurrent('broken bytes in the middle cost their pictures up to the next key picture', async ({ expect }) => {
  const units = await makeFilm({ pictures: 90, key: 30 });
  const bytes = segmentsOf(units);
  // The fifth picture of the second segment loses a packet, the twentieth is noise.
  const chunk = bytes[1]![5]!;
  bytes[1]![5] = Buffer.concat([chunk.subarray(0, TS_PACKET), chunk.subarray(2 * TS_PACKET)]);
  const { url, publisher } = channel();
  const played = play(url, { start: 0 });
  const { shots, details, ended } = played;
  await expect.poll(() => details().state).toBe('connecting');
  await sendAtOnce({ publisher }, played, bytes);
  await expect.poll(() => shots.at(-1)?.index, settled).toBe(89);
  expect(shots.map(({ index }) => index)).toEqual([...Array(34).keys(), ...Array.from({ length: 30 }, (_, i) => i + 60)]);
  expect(details().transport).toBeDefined();
  await publisher.close();
  expect(await ended).toBe(null);
  expect(details()).toMatchObject({ transport: { gaps: 1, broken: 1, withoutKey: 25 }, pictures: { failed: 0, restarts: 0 } });
});

it.concurrent('a decoder that refuses everything is made anew, three times at most', async ({ expect }) => {
  const units = await makeFilm({ pictures: 150, key: 30 });
  const noise = (from: number, to: number) => (unit: FilmUnit) =>
    unit.index < from || unit.index >= to ? unit : { ...unit, key: true, data: Uint8Array.of(0, 0, 0, 1, 0x65, 0xff, 0xff, 0xff, 0x55) };
  const first = channel();
  const mended = play(first.url, { start: 0 });
  await expect.poll(() => mended.details().state).toBe('connecting');
  await sendAtOnce(first, mended, segmentsOf(units, noise(40, 80)));
  await expect.poll(() => mended.shots.at(-1)?.index, settled).toBe(149);
  await first.publisher.close();
  expect(await mended.ended).toBe(null);
  const { failed, restarts } = mended.details().pictures as unknown as { failed: number; restarts: number };
  expect(restarts).toBe(1);
  expect(failed).toBeGreaterThanOrEqual(30);
  // Pictures behind the noise are those that were sent.
  expect(mended.shots.slice(-60).map(({ index }) => index)).toEqual(Array.from({ length: 60 }, (_, i) => i + 90));

  const second = channel();
  const given = play(second.url, { start: 0 });
  await expect.poll(() => given.details().state).toBe('connecting');
  await sendAtOnce(second, given, segmentsOf(units, noise(10, 150)));
  expect(String(await given.ended)).toMatch(/its pictures cannot be decoded: 3 decoders failed within 2 minutes/);
  await second.publisher.close();
});

it.concurrent('size and rate change while it runs', async ({ expect }) => {
  const units = await makeFilm({ pictures: 90, key: 30, width: 640, height: 360 });
  const { url, publisher } = channel();
  const { shots, details, change, ended } = play(url);
  await expect.poll(() => details().state).toBe('connecting');
  const sending = sendPaced(publisher, units);
  await expect.poll(() => shots.length, settled).toBeGreaterThan(10);
  change({ width: 256, height: 256 });
  await expect.poll(() => shots.at(-1)!.width, settled).toBe(256);
  const before = shots.length;
  change({ width: 256, height: 256, fps: 5 });
  await sending;
  await publisher.close();
  expect(await ended).toBe(null);
  const slow = shots.slice(before + 2);
  expect(slow.length).toBeGreaterThan(2);
  for (const shot of slow) expect([shot.width, shot.height]).toEqual([256, 256]);
  // Five a second; one that was late does not put off those behind it.
  expect(slow.length - 1).toBeLessThanOrEqual(((slow.at(-1)!.mediaTime - slow[0]!.mediaTime) / 90_000) * 5 + 1);
  expect(details().figures).toBeUndefined();
  expect((details() as Record<string, unknown>).reconnects).toBe(0);
});

it.concurrent('a channel that is not there is said in plain words', async ({ expect }) => {
  const { ended } = play(`${server.url}nowhere?token=secret`);
  expect(String(await ended)).toBe(`SluiceError: ${server.url}nowhere: there is no such channel`);
  // Port 1: nobody is there. It never was a channel that could be lost.
  const nobody = play('http://127.0.0.1:1/cam');
  expect(String(await nobody.ended)).toBe('SluiceError: http://127.0.0.1:1/cam: nothing answers at this address (ECONNREFUSED)');
});
