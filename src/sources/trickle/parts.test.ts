// The parts of the trickle source that need neither channel nor decoder.
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../core/clock.ts';
import type { Micros } from '../../core/time.ts';
import { concatBytes } from '../../formats/bytes.ts';
import { TS_PACKET, type TsTrack, type TsUnit } from '../../formats/mpegts.ts';
import { TsMuxer } from '../../formats/mpegts-mux.ts';
import type { ChannelSubscriber, SegmentReader } from '../../trickle/segments.ts';
import { AvGuard } from './av-guard.ts';
import { CaptureTimes } from './capture-times.ts';
import { PtsThinner } from './pts-thinner.ts';
import { ChannelReader } from './reader.ts';
import { UnitLine } from './unit-line.ts';

const NOW = 1_763_640_000_000_000;
const S = 90_000;
const VIDEO: TsTrack = { pid: 256, kind: 'video', codec: 'h264', type: 27 };
const SOUND: TsTrack = { pid: 257, kind: 'audio', codec: 'opus', type: 6 };
const unit = (pts: number, { track = VIDEO, key = false, bytes = 10 } = {}): TsUnit => ({
  track,
  pts,
  dts: pts,
  key,
  data: new Uint8Array(bytes),
});

describe('AvGuard', () => {
  it('sound waits for the first picture; what is more than 2 s behind the other is left out', () => {
    expect(new AvGuard().sound(0, false)).toBe('play');
    const guard = new AvGuard();
    expect(guard.sound(0, true)).toBe('hold');
    expect(guard.picture(0)).toBe(true);
    expect([guard.sound(100, true), guard.sound(S, true)]).toEqual(['play', 'play']);
    expect(guard.picture(5 * S)).toBe(true);
    expect([guard.sound(3 * S - 1, true), guard.sound(3 * S, true)]).toEqual(['drop', 'play']);
    expect(guard.sound(9 * S, true)).toBe('play');
    expect([guard.picture(7 * S - 1), guard.picture(7 * S)]).toEqual([false, true]);
    expect(guard.off).toBe(null);
  });

  it('sound that never fits is switched off, and pictures go on', () => {
    const far = new AvGuard();
    far.picture(0);
    expect(far.sound(2 * S + 1, true)).toBe('drop');
    expect(far.off).toMatch(/began 2\.0 s away/);
    const behind = new AvGuard();
    behind.picture(0);
    for (let time = 0; time <= 10 * S; time += S) behind.sound(time, true);
    const shown = Array.from({ length: 110 }, (_, i) => behind.picture(i * 100));
    expect(shown.filter((one) => !one)).toHaveLength(99);
    expect(shown.slice(99).every((one) => one)).toBe(true);
    expect(behind.off).toMatch(/stayed .* behind it/);
  });

  it('sound that was switched off is heard again when it fits for a second', () => {
    const guard = new AvGuard();
    guard.picture(0);
    expect(guard.sound(3 * S, true)).toBe('drop');
    // As far away as it was: nothing changes.
    for (let at = 0; at < 10 * S; at += 1800) {
      expect(guard.picture(at)).toBe(true);
      expect(guard.sound(at + 3 * S, true)).toBe('drop');
    }
    // Another sender, whose times begin anew.
    const fates = Array.from({ length: 60 }, (_, i) => {
      expect(guard.picture(i * 1800)).toBe(true);
      return guard.sound(i * 1800 + 900, true);
    });
    expect(fates.indexOf('play')).toBe(49);
    expect([new Set(fates.slice(49)), guard.off]).toEqual([new Set(['play']), null]);
  });
});

describe('PtsThinner', () => {
  it('takes as many as asked for, never more, whatever the intervals; an input of the same rate loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 900, max: 9000 }), { minLength: 50, maxLength: 300 }),
        fc.integer({ min: 1, max: 60 }),
        (gaps, fps) => {
          const thinner = new PtsThinner();
          thinner.setRate(fps);
          let pts = -5000;
          const first = pts;
          let taken = 0;
          for (const gap of gaps) {
            if (thinner.take(pts)) taken++;
            pts += gap;
          }
          expect(taken).toBeLessThanOrEqual(((pts - first) / S) * fps + 2);
          expect(taken).toBeGreaterThan(0);
        },
      ),
    );
    const even = new PtsThinner();
    even.setRate(30);
    for (let i = 0; i < 300; i++) expect(even.take(i * 3000 + (i % 2 ? 250 : 0))).toBe(true);
  });

  it('goes on with another sender, whose times lie far back, and gives all without a rate', () => {
    const thinner = new PtsThinner();
    thinner.setRate(10);
    expect([thinner.take(50 * S), thinner.take(50 * S + 100), thinner.take(0), thinner.take(100)]).toEqual([true, false, true, false]);
    thinner.setRate(undefined);
    expect([thinner.take(101), thinner.take(102)]).toEqual([true, true]);
  });
});

describe('CaptureTimes', () => {
  const at = (ms: number) => (NOW + ms * 1000) as Micros;

  it('a burst keeps the spacing of the stream, and what follows goes on from its end', () => {
    const times = new CaptureTimes();
    times.burst(2 * S, at(0));
    const burst = Array.from({ length: 61 }, (_, i) => times.of(i * 3000, i * 3000, at(i / 10)));
    for (const [i, time] of burst.entries()) expect(time).toBe(NOW - 2_000_000 + Math.round((i * 100_000) / 3));
    for (let i = 61; i < 120; i++) {
      // Up to 15 ms late: the least delay counts.
      const late = (i * 7) % 15;
      const time = times.of(i * 3000, i * 3000, at((i - 60) * (1000 / 30) + late));
      expect(Math.abs(time - (NOW + ((i - 60) * 1e6) / 30))).toBeLessThan(16_000);
    }
  });

  it('pictures shown in another order than sent have the times of their showing', () => {
    const times = new CaptureTimes();
    // I P B B: dts 0 1 2 3, pts 1 4 2 3.
    const shown = [1, 4, 2, 3].map((pts, dts) => times.of(dts * 3000, pts * 3000, at((dts * 100) / 3)));
    const [i, p, b, c] = shown.map(Number) as [number, number, number, number];
    for (const [from, to] of [
      [i, b],
      [b, c],
      [c, p],
    ] as const)
      expect(Math.abs(to - from - 33_333)).toBeLessThan(3);
  });

  it('its own capture time holds, and places the sound beside it', () => {
    const times = new CaptureTimes();
    const identity = { id: 7, timestamp: at(-500), pts: 0 as never, repeat: false };
    expect(times.of(S, S, at(0), identity)).toBe(at(-500));
    expect(times.at(S + 900)).toBe(at(-490));
    expect(times.of(S + 3000, S + 3000, at(40), { ...identity, repeat: true })).toBe(at(-500));
    expect(times.at(S + 900)).toBe(at(-490));
  });

  it('a sender that runs faster than time does not lead into the future', () => {
    const times = new CaptureTimes();
    for (let i = 0; i < 600; i++) {
      const time = times.rising(times.of(i * 3000, i * 3000, at(i)));
      expect(time).toBeLessThanOrEqual(at(i) + 2_000_000);
    }
  });

  it('times always rise, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -4000, max: 20_000 }), fc.integer({ min: 0, max: 100 })), { maxLength: 100 }),
        (steps) => {
          const times = new CaptureTimes();
          let [ticks, ms, last] = [0, 0, 0];
          for (const [step, wait] of steps) {
            ticks += step;
            ms += wait;
            const time = times.rising(times.of(ticks, ticks, at(ms)));
            expect(time).toBeGreaterThan(last);
            last = time;
          }
        },
      ),
    );
  });
});

it('a segment that breaks off costs the picture that it broke off in', async () => {
  const muxer = new TsMuxer({ video: true });
  const data = new Uint8Array(70_000).fill(0x55);
  data.set([0, 0, 0, 1, 0x65]);
  const segments = [0, 1].map((seq) => {
    const bytes = concatBytes([muxer.tables(), muxer.video({ pts: seq * S, key: true, data })]);
    const chunks = [seq === 0 ? bytes.subarray(0, 300 * TS_PACKET) : bytes];
    return {
      seq,
      latest: null,
      contentType: '',
      truncated: seq === 0,
      cancel: () => {},
      [Symbol.asyncIterator]: () => Readable.from(chunks)[Symbol.asyncIterator](),
    };
  });
  const left: SegmentReader[] = [...segments];
  const channel = { next: async () => left.shift() ?? null, reason: 'ended' } as unknown as ChannelSubscriber;
  const line = new UnitLine();
  const reader = new ChannelReader(channel, line, { now: () => NOW } as unknown as Clock);
  expect(await reader.run(new AbortController().signal)).toBe('ended');
  expect([...line].map(({ unit: { pts, data } }) => [pts, data.length > 70_000])).toEqual([[S, true]]);
});

describe('UnitLine', () => {
  it('gives what came in its order; late pictures give way to the newest key picture, sound stays', async () => {
    const line = new UnitLine();
    const units = [
      unit(0, { key: true }),
      unit(1),
      unit(2, { track: SOUND }),
      unit(3, { key: true }),
      unit(4),
      unit(5, { key: true }),
      unit(6),
    ];
    line.add(units, NOW as Micros);
    expect([line.length, line.bytes]).toEqual([7, 70]);
    expect(line.skipLate((NOW + 2_900_000) as Micros)).toBe(0);
    expect(line.skipLate((NOW + 3_000_000) as Micros)).toBe(4);
    expect(line.bytes).toBe(30);
    const left: number[] = [];
    line.end();
    while (await line.wait()) left.push(line.take()!.unit.pts);
    expect(left).toEqual([2, 5, 6]);
    expect([line.length, line.bytes, line.take()]).toEqual([0, 0, null]);
  });

  it('the reader waits while too much lies there, and goes on when some was taken', async () => {
    const line = new UnitLine();
    const signal = new AbortController().signal;
    line.add([unit(0, { bytes: 20 * 2 ** 20 }), unit(1, { bytes: 20 * 2 ** 20 })], NOW as Micros);
    let free = false;
    const room = line.room(signal).then(() => {
      free = true;
    });
    await Promise.resolve();
    expect(free).toBe(false);
    line.take();
    await room;
    expect(free).toBe(true);
  });
});
