import { describe, expect, it } from 'vitest';
import { EncodeBench, H264, JPEG } from '../../test/encode-bench.ts';
import { type Micros, toTicks } from '../core/time.ts';
import { readSampleIdentity } from '../formats/h264.ts';
import { GRID_TICKS, PART_TICKS, sequenceOf } from './grid.ts';

const gray = (value = 100) => new Uint8Array(64 * 48).fill(value);
const PART_US = 200_000;

describe('an encode job', () => {
  it('repeats the last picture once per part while no frame comes, marked, with rising times and the same id', async () => {
    await using bench = new EncodeBench(H264);
    const { id, timestamp, pts } = await bench.encode('gray', 64, 48, gray(), bench.clock.now());
    await bench.until(() => bench.packets.length >= 4);
    const repeats = bench.packets.slice(1, 4);
    repeats.forEach((packet, i) => {
      expect(packet).toMatchObject({ id, timestamp, repeat: true, pts: pts + (i + 1) * PART_TICKS });
      expect(readSampleIdentity(packet.data)).toEqual({ id, timestamp, repeat: true, pts: packet.pts });
    });
    // Never before its time.
    for (const packet of repeats) expect(bench.clock.now()).toBeGreaterThan((packet.pts * 100) / 9);
  });

  it('loses none of them where capture times lie closer together than ticks do', async () => {
    await using bench = new EncodeBench({ ...H264, repeats: false });
    const start = bench.clock.now();
    for (let i = 0; i < 5; i++) await bench.encode('gray', 64, 48, gray(), (start + i) as Micros);
    const first = bench.packets[0]!.pts;
    expect(bench.packets.map(({ pts, timestamp }) => [pts - first, timestamp - start])).toEqual([0, 1, 2, 3, 4].map((i) => [i, i]));
  });

  it('keeps the size of the first picture where it is to hold', async () => {
    await using bench = new EncodeBench({ ...H264, hold: true });
    const start = bench.clock.now() + 60_000_000;
    await bench.encode('gray', 64, 48, gray(), start as Micros);
    // Far beyond the next boundary of the grid, where the size would change otherwise.
    await bench.encode('gray', 128, 96, new Uint8Array(128 * 96).fill(7), (start + 2_100_000) as Micros);
    expect(new Set(bench.packets.map(({ track }) => `${track.width}x${track.height}`))).toEqual(new Set(['64x48']));
  });

  it('makes as many pictures as come where repeats are not wanted, and a key frame after each pause', async () => {
    await using bench = new EncodeBench({ ...H264, repeats: false });
    const start = bench.clock.now();
    for (const after of [0, 4.5, 5, 20]) await bench.encode('gray', 64, 48, gray(), start + after * PART_US);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(bench.packets.map(({ id, key, repeat }) => [id, key, repeat])).toEqual([
      [1, true, false],
      [2, expect.any(Boolean), false],
      [3, expect.any(Boolean), false],
      [4, true, false],
    ]);
    bench.packets.forEach(({ timestamp, pts }) => void expect(pts).toBe(toTicks(timestamp as Micros)));
  });

  it('fills up before a frame that follows after more than a part, so that no part lasts longer', async () => {
    await using bench = new EncodeBench(H264);
    const start = bench.clock.now() + 60_000_000; // ahead of the clock: nothing is due by time
    await bench.encode('gray', 64, 48, gray(), start);
    const after = await bench.encode('gray', 64, 48, gray(9), start + 4.5 * PART_US);
    expect(bench.packets.map((packet) => [packet.id, packet.repeat])).toEqual([
      [1, false],
      [1, true],
      [1, true],
      [1, true],
      [1, true],
      [2, false],
    ]);
    expect(after.pts).toBe(toTicks((start + 4.5 * PART_US) as Micros));
    for (let i = 1; i < bench.packets.length; i++)
      expect(bench.packets[i]!.pts - bench.packets[i - 1]!.pts).toBeLessThanOrEqual(PART_TICKS);
  });

  it('does not fill up years: a leap of the capture times is a gap, and a key frame follows', async () => {
    await using bench = new EncodeBench(H264);
    const now = bench.clock.now();
    await bench.encode('gray', 64, 48, gray(), 1_100_000_000_000_000);
    const after = await bench.encode('gray', 64, 48, gray(), now);
    expect(bench.packets).toHaveLength(2);
    expect(after.key).toBe(true);
    await bench.encode('gray', 64, 48, gray(), now + 33_000);
  });

  it('leaves out what lies before the segments that are closed already', async () => {
    const start = 1_763_640_000_000_000 + 1_700_000;
    const notBefore = (sequenceOf(toTicks(start as Micros)) + 1) * GRID_TICKS;
    await using bench = new EncodeBench(H264, { notBefore });
    bench.publish('gray', 64, 48, gray(), start);
    await bench.until(() => bench.events.some((event) => event.type === 'skip'));
    expect(bench.events.find((event) => event.type === 'skip')).toEqual({ type: 'skip', policy: 'too-early', id: 1 });
    const first = await bench.encode('gray', 64, 48, gray(), start + 400_000);
    expect(first.key).toBe(true);
    expect(first.pts).toBeGreaterThanOrEqual(notBefore);
  });

  it('never goes back in time: a frame behind the last one is left out and counted', async () => {
    await using bench = new EncodeBench(H264);
    const start = bench.clock.now() + 30_000_000;
    await bench.encode('gray', 64, 48, gray(), start);
    bench.publish('gray', 64, 48, gray(), start - 500_000);
    await bench.until(() => bench.events.some((event) => event.type === 'skip'));
    expect(bench.events.at(-1)).toEqual({ type: 'skip', policy: 'late', id: 2 });
    expect((await bench.encode('gray', 64, 48, gray(), start + 33_000)).id).toBe(3);
  });

  it('goes on with the time of arrival when the capture clock was set back, and with the capture times when it was set forward again', async () => {
    await using bench = new EncodeBench(H264);
    const hour = 3_600_000_000;
    const before = await bench.encode('gray', 64, 48, gray(), bench.clock.now());
    const back = await bench.encode('gray', 64, 48, gray(), bench.clock.now() - hour);
    expect(back.key).toBe(true);
    // A track told anew: readers take it for a discontinuity.
    expect(bench.events.filter((event) => event.type === 'track')).toHaveLength(2);
    expect(back.pts).toBeGreaterThan(before.pts);
    expect(Math.abs(back.pts - (before.pts + back.timestamp * 0.09 + hour * 0.09 - before.timestamp * 0.09))).toBeLessThan(90_000);
    expect(readSampleIdentity(back.data)).toEqual({ id: back.id, timestamp: back.timestamp, repeat: false, pts: back.pts });
    const next = await bench.encode('gray', 64, 48, gray(), back.timestamp + 33_000);
    expect(next.pts - back.pts).toBe(2970);
    await bench.until(() => bench.packets.at(-1)!.repeat);
    const forward = await bench.encode('gray', 64, 48, gray(), bench.clock.now());
    expect(forward.pts).toBe(toTicks(forward.timestamp as Micros));
    expect(bench.events.filter((event) => event.type === 'track')).toHaveLength(3);
    for (let i = 1; i < bench.packets.length; i++) expect(bench.packets[i]!.pts).toBeGreaterThan(bench.packets[i - 1]!.pts);
  });

  it('begins with the time of arrival where closed segments lie hours ahead of the capture clock', async () => {
    const now = Date.now() * 1000;
    const notBefore = sequenceOf(toTicks(now as Micros)) * GRID_TICKS;
    await using bench = new EncodeBench(H264, { notBefore });
    const first = await bench.encode('gray', 64, 48, gray(), now - 7_200_000_000);
    expect(first.pts).toBeGreaterThanOrEqual(notBefore);
    expect(first.pts - notBefore).toBeLessThan(60 * 90_000);
  });

  it('grants a key frame that is asked for, but not two within 500 ms', async () => {
    await using bench = new EncodeBench({ ...H264, gop: 2 });
    // Begins behind a boundary of the grid, so that no key frame comes by itself meanwhile.
    const start = (Math.floor(bench.clock.now() / 2e6) + 10) * 2e6;
    let at = start;
    const next = async () => {
      at += 5000;
      return (await bench.encode('gray', 64, 48, gray(), at)).key;
    };
    /** Asks for a key frame and waits for it; when the picture was given that became it. */
    const keyTime = async () => {
      bench.job.send({ type: 'key' });
      while (at < start + 1_900_000) {
        const given = performance.now();
        if (await next()) return given;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error('no key frame came');
    };
    expect(await next()).toBe(true);
    const first = await keyTime();
    await keyTime();
    // What a busy machine takes longer lies between the two as well.
    expect(performance.now() - first).toBeGreaterThanOrEqual(499);
    expect(await next()).toBe(false);
  });

  it('thins out a rendition that is asked for fewer pictures per second; what is left out is counted', async () => {
    await using bench = new EncodeBench({ ...JPEG, fps: 10 });
    const start = 1_763_640_000_000_000;
    for (let i = 0; i < 60; i++) {
      const { id } = bench.publish('gray', 64, 48, gray(), start + i * 33_333);
      await bench.until(() => bench.events.some((event) => 'id' in event && event.id === id));
    }
    const thinned = bench.events.filter((event) => event.type === 'skip' && event.policy === 'thinned').length;
    expect(bench.packets.length + thinned).toBe(60);
    expect(Math.abs(bench.packets.length - 20)).toBeLessThanOrEqual(1);
    expect(bench.packets.every((packet) => packet.key && !packet.repeat)).toBe(true);
  });

  it('tells what is wrong with settings that no encoder takes, and lives', async () => {
    await using bench = new EncodeBench({ ...H264, encoder: 'no_such_encoder' });
    bench.publish('gray', 64, 48, gray(), bench.clock.now());
    await bench.until(() => bench.events.some((event) => event.type === 'failed'));
    const failed = bench.events.find((event) => event.type === 'failed');
    expect(failed).toMatchObject({ id: 1, error: { code: 'bad-value', message: expect.stringContaining('no_such_encoder') } });
  });

  it('changes its bit rate in mid-stream without a new track', async () => {
    await using bench = new EncodeBench({ ...H264, bitrate: 300_000 });
    let at = 1_763_640_000_000_000;
    const noise = () => Uint8Array.from({ length: 320 * 240 }, () => Math.random() * 255);
    const bytes = async () => {
      let sum = 0;
      for (let i = 0; i < 40; i++) {
        at += 33_333;
        sum += (await bench.encode('gray', 320, 240, noise(), at)).data.length;
      }
      return sum;
    };
    await bytes();
    const slow = await bytes();
    bench.job.send({ type: 'change', settings: { ...H264, bitrate: 6_000_000 } });
    await bytes();
    expect(await bytes()).toBeGreaterThan(slow * 2);
    expect(bench.events.filter((event) => event.type === 'track')).toHaveLength(1);
  });
});
