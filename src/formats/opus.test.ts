import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OpusTimeline, opusSamples, opusTime } from './opus.ts';

it('foreign bytes never throw and are never longer than 120 ms', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const samples = opusSamples(bytes);
      expect(samples).toBeGreaterThanOrEqual(0);
      expect(samples).toBeLessThanOrEqual(5760);
    }),
  );
});

it.each([
  ['one CELT frame of 20 ms', [31 << 3], 960],
  ['one CELT frame of 2.5 ms', [16 << 3], 120],
  ['one SILK frame of 60 ms', [3 << 3], 2880],
  ['one hybrid frame of 10 ms', [12 << 3], 480],
  ['two frames of 20 ms', [(31 << 3) | 1, 0, 0], 1920],
  ['six frames of 20 ms', [(31 << 3) | 3, 6], 5760],
  ['seven of them would be too long', [(31 << 3) | 3, 7], 0],
  ['a number of frames that is missing', [(31 << 3) | 3], 0],
  ['nothing', [], 0],
])('%s', (_what, bytes, samples) => {
  expect(opusSamples(Uint8Array.from(bytes))).toBe(samples);
});

it('RTP times are those of the capture, in 32 bits, to half a sample', () => {
  const time = fc.integer({ min: 1_600_000_000_000_000, max: 3_000_000_000_000_000 });
  fc.assert(
    fc.property(time, fc.integer({ min: 0, max: 10_000_000_000 }), (from, step) => {
      const passed = (opusTime(from + step) - opusTime(from) + 2 ** 32) % 2 ** 32;
      const exact = ((step * 48) / 1000) % 2 ** 32;
      const off = Math.abs(passed - exact);
      expect(Math.min(off, 2 ** 32 - off)).toBeLessThanOrEqual(1.01);
    }),
  );
});

it('packets lie one behind the other while sound goes on, and leave out what is missing', () => {
  const timeline = new OpusTimeline();
  const start = 1_700_000_000_000_000;
  const jitter = [0, 900, -400, 1200, 0];
  const times = jitter.map((by, i) => timeline.rtpTimeOf(start + i * 20_000 + by, 960));
  expect(times.map((time) => time - times[0]!)).toEqual([0, 960, 1920, 2880, 3840]);
  // A second is missing.
  const later = timeline.rtpTimeOf(start + 1_100_000, 960);
  expect(later).toBe(opusTime(start + 1_100_000));
  expect(timeline.rtpTimeOf(start + 1_120_000, 960)).toBe(later + 960);
  // A clock that was set back: time goes on.
  expect(timeline.rtpTimeOf(start + 200_000, 960)).toBe(later + 1920);
});

it('a clock that drifts is no gap', () => {
  const timeline = new OpusTimeline();
  const start = 1_700_000_000_000_000;
  let last = timeline.rtpTimeOf(start, 960);
  for (let i = 1; i < 5000; i++) {
    // 100 ppm: half a second in eighty minutes.
    const time = timeline.rtpTimeOf(start + i * 20_002, 960);
    expect((time - last + 2 ** 32) % 2 ** 32).toBe(960);
    last = time;
  }
});
