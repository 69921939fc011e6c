import { expect, it } from 'vitest';
import type { AudioFrame } from '../../core/audio.ts';
import type { Micros } from '../../core/time.ts';
import { LevelMeter, levelMetrics } from './level-meter.ts';

const block = (at: number, data: AudioFrame['data'], channels: number): AudioFrame => ({
  id: 1,
  timestamp: at as Micros,
  received: at as Micros,
  rate: 48_000,
  layout: 'stereo',
  channels,
  samples: 960,
  format: data[0] instanceof Int16Array ? 's16' : 'fltp',
  data,
});

it('tells peak and mean of each channel ten times a second', () => {
  const meter = new LevelMeter();
  const sine = Float32Array.from({ length: 960 }, (_, i) => 0.5 * Math.cos((2 * Math.PI * 1000 * i) / 48_000));
  const levels = Array.from({ length: 10 }, (_, i) => meter.add(block(i * 20_000, [sine, new Float32Array(960)], 2))).filter(Boolean);
  // A sine of half the scale: -6 dB, its mean 3 dB lower. Silence: the least that is told.
  expect(levels).toEqual([
    { timestamp: 0, peak: [-6, -120], rms: [-9, -120] },
    { timestamp: 100_000, peak: [-6, -120], rms: [-9, -120] },
  ]);
});

it('full scale of whole numbers is 0 dB', () => {
  const meter = new LevelMeter();
  const loud = new Int16Array(960).fill(-32_768);
  const [level] = Array.from({ length: 5 }, (_, i) => meter.add(block(i * 20_000, [loud], 1))).filter(Boolean);
  expect(level).toEqual({ timestamp: 0, peak: [0], rms: [0] });
});

it('is a metric for each channel, so that charts draw lines', () => {
  expect(levelMetrics({ timestamp: 0, peak: [-6], rms: [-9] })).toEqual({ 'audio.peak': -6, 'audio.rms': -9 });
  expect(Object.keys(levelMetrics({ timestamp: 0, peak: [0, 0], rms: [0, 0] }))).toEqual([
    'audio.peak.left',
    'audio.rms.left',
    'audio.peak.right',
    'audio.rms.right',
  ]);
  expect(levelMetrics({ timestamp: 0, peak: [0, -1, -2], rms: [0, 0, 0] })['audio.peak.3']).toBe(-2);
});
