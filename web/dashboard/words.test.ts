import { describe, expect, test } from 'vitest';
import { bytesText } from '../../src/core/bytes-text.ts';
import {
  agoText,
  codecText,
  countText,
  durationText,
  fateRows,
  fpsText,
  keptMs,
  ledgerRows,
  lengthText,
  lostIn,
  plural,
  sentence,
} from './words.ts';

test('bytesText', () => {
  expect([0, 999, 1000, 12_345_678, 123_456_789, 9_999_999_999, 999_999].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 MB',
    '123 MB',
    '10.0 GB',
    '1.00 MB',
  ]);
});

test('durationText', () => {
  expect([0, 4.2, 42, 999.4, 1000, 9400, 42_000, 600_000, 7_500_000, 7_200_000, 260_000_000].map(durationText)).toEqual([
    '0 ms',
    '4.2 ms',
    '42 ms',
    '999 ms',
    '1 s',
    '9.4 s',
    '42 s',
    '10 min',
    '2 h 5 min',
    '2 h',
    '3 d',
  ]);
});

test('fpsText, countText, plural, codecText', () => {
  expect([29.97, 7.5, 10, 0.25, 0].map(fpsText)).toEqual(['30', '7.5', '10', '0.3', '0']);
  expect(countText(1_234_567)).toBe('1,234,567');
  expect([0, 1, 2].map((count) => plural(count, 'viewer'))).toEqual(['0 viewers', '1 viewer', '2 viewers']);
  expect(['avc1.42c01f', 'h264', 'jpeg', 'vp8'].map(codecText)).toEqual(['H.264', 'H.264', 'JPEG', 'vp8']);
});

test('keptMs', () => {
  expect(keptMs({ start: null, end: 5 })).toBe(0);
  expect(keptMs({ start: 1_000_000, end: 601_000_000 })).toBe(600_000);
});

describe('ledgerRows', () => {
  test('sums to what was captured', () => {
    const rows = ledgerRows({ captured: 100, refused: { future: 2 }, dropped: { ring: 3, other: 0 }, published: 95, shown: 95 });
    expect(rows.map((row) => [row.label, row.count])).toEqual([
      ['passed on', 95],
      ['refused: its time lies in the future', 2],
      ['dropped: every memory slot was in use', 3],
    ]);
    expect(rows.reduce((sum, row) => sum + row.share, 0)).toBeCloseTo(1);
  });

  test('says what is missing instead of hiding it', () => {
    expect(ledgerRows({ captured: 10, refused: {}, dropped: {}, published: 8, shown: 8 }).at(-1)).toMatchObject({
      label: 'not accounted for',
      count: 2,
    });
    expect(ledgerRows({ captured: 0, refused: {}, dropped: {}, published: 0, shown: 0 })).toHaveLength(1);
  });
});

test('sentence', () => {
  expect(sentence('no program has pushed a frame yet')).toBe('No program has pushed a frame yet.');
  expect(sentence('rtsp://cam/1: refused. Trying again…')).toBe('rtsp://cam/1: refused. Trying again…');
  expect(sentence(' cam_1 is gone!')).toBe('cam_1 is gone!');
});

test('lostIn leaves out what is above the frame rate asked for', () => {
  const rendition = { dropped: { thinned: 500, newest: 2 }, failed: 1 } as unknown as Parameters<typeof lostIn>[0];
  expect(lostIn(rendition)).toBe(3);
});

test('how long ago', () => {
  const cases: [number, string][] = [
    [0, 'now'],
    [999, 'now'],
    [-400, 'now'],
    [1000, '1 s ago'],
    [12_900, '12 s ago'],
    [300_000, '5 min ago'],
    [-3200, 'in 3 s'],
  ];
  for (const [ms, text] of cases) expect(agoText(ms)).toBe(text);
});

test('lengthText', () => {
  expect([0, 999, 9_000, 754_000, 3_723_000].map(lengthText)).toEqual(['0:00', '0:00', '0:09', '12:34', '1:02:03']);
});

test('fateRows sum to what came, and say what is missing', () => {
  const figures = { p50: null, p95: null };
  const processor = {
    id: 'invert',
    use: 'invert',
    place: 'inline' as const,
    running: true,
    state: 'running' as const,
    progress: null,
    flow: 'latest',
    queue: { depth: 0, limit: 1 },
    offered: 100,
    processed: 60,
    passed: 10,
    withheld: 5,
    dropped: { latest: 20 },
    failed: 4,
    faults: { error: 1, timeout: 3, crash: 0 },
    inFlight: 1,
    fps: 10,
    waitMs: figures,
    processMs: figures,
    latencyMs: figures,
    waits: null,
    runs: null,
    parts: {},
    metrics: 0,
    markers: 0,
    restarts: 1,
    error: null,
    errorAt: null,
  };
  const rows = fateRows(processor);
  expect(rows.map(({ label, count }) => [label, count])).toEqual([
    ['changed', 60],
    ['let through as they were', 10],
    ['withheld', 5],
    ['left out: a newer one came first', 20],
    ['failed: it reported an error', 1],
    ['failed: it took too long', 3],
    ['under way', 1],
  ]);
  expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(fateRows({ ...processor, processed: 50 }).at(-1)).toMatchObject({ label: 'not accounted for', count: 10 });
});
