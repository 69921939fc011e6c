import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Figures, quantile } from './figures.ts';
import type { NetworkStats } from './transport.ts';

const network = (packets: number, lost: number, resends = 0): NetworkStats => ({
  packets,
  lost,
  resends,
  nacks: 0,
  jitterMs: null,
  bufferMs: null,
  roundTripMs: null,
  path: 'UDP',
});

it('percentiles are those of the frames of the last 10 s', () => {
  const figures = new Figures();
  // A slow beginning, long ago.
  for (let i = 0; i < 100; i++) figures.shown(i * 40, 900);
  for (let i = 1; i <= 100; i++) figures.shown(20_000 + i * 40, i);
  expect(figures.read(24_001).latency).toEqual({ p50: 51, p95: 96 });
  expect(figures.read(60_000).latency).toBeNull();
});

it('a percentile is a value that was there, with that share of values below or at it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = values.sort((a, b) => a - b);
      const value = quantile(sorted, q);
      expect(sorted.filter((other) => other <= value).length / sorted.length).toBeGreaterThanOrEqual(q);
      expect(sorted.filter((other) => other < value).length / sorted.length).toBeLessThanOrEqual(q);
    }),
  );
});

it('frames and bits per second are counted, not guessed', () => {
  const figures = new Figures();
  for (let i = 0; i < 150; i++) figures.shown(i * 40, null);
  for (let i = 0; i <= 24; i++) figures.sample({ atMs: i * 250, bytes: i * 62_500, dropped: i, network: null });
  const { fps, bitrate, droppedPerSecond, lost, resendsPerSecond } = figures.read(6000);
  expect(fps).toBeCloseTo(25, 0);
  expect(bitrate).toBeCloseTo(2_000_000);
  expect(droppedPerSecond).toBeCloseTo(4);
  expect([lost, resendsPerSecond]).toEqual([null, null]);
  expect(figures.read(20_000).fps).toBe(0);
});

it('before there is anything to count there is no figure', () => {
  expect(new Figures().read(1000)).toMatchObject({ latency: null, fps: null, bitrate: null, lost: null });
});

it('the share of lost packets is that of the last 10 s, also after a loss was taken back', () => {
  const figures = new Figures();
  figures.sample({ atMs: 0, bytes: 0, dropped: 0, network: null });
  figures.sample({ atMs: 900, bytes: 1, dropped: 0, network: network(90, 0) });
  figures.sample({ atMs: 1900, bytes: 2, dropped: 0, network: network(180, 10) });
  expect(figures.read(1900).lost).toBeCloseTo(0.1);
  figures.reset();
  for (let i = 0; i <= 20; i++)
    figures.sample({ atMs: i * 1000, bytes: i, dropped: 0, network: network(i * 90, i < 10 ? 500 : 500 + (i - 10) * 10, i * 5) });
  const { lost, resendsPerSecond } = figures.read(20_000);
  expect(lost).toBeCloseTo(0.1);
  expect(resendsPerSecond).toBeCloseTo(5);
  figures.sample({ atMs: 21_000, bytes: 30, dropped: 0, network: network(1900, 400) });
  expect(figures.read(21_000).lost).toBe(0);
});

it('a freeze is a pause far beyond the usual one; a wanted pause is none', () => {
  const figures = new Figures();
  let at = 0;
  const show = (gap: number) => {
    at += gap;
    figures.shown(at, null);
  };
  for (let i = 0; i < 30; i++) show(33);
  show(150);
  expect(figures.read(at).freezes).toBe(0);
  show(400);
  expect(figures.read(at)).toMatchObject({ freezes: 1, frozenMs: 400 });
  figures.pause();
  show(60_000);
  expect(figures.read(at).freezes).toBe(1);
  figures.reset();
  // One picture a second is no standstill where that is the rate.
  for (let i = 0; i < 30; i++) show(1000);
  expect(figures.read(at)).toMatchObject({ freezes: 0, frozenMs: 0 });
});

it('samples for a report are picked at even distances, without those that are not known', () => {
  const figures = new Figures();
  for (let i = 0; i < 100; i++) figures.shown(i * 10, i % 2 ? i : null);
  expect(figures.latencies(-1, 5)).toEqual([11, 31, 51, 71, 91]);
  expect(figures.latencies(960, 5)).toEqual([97, 99]);
  expect(figures.framesSince(895)).toBe(10);
});
