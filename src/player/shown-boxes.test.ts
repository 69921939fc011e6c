import { expect, test } from 'vitest';
import type { DataItem } from '../api/timeline.ts';
import { boxesAt } from './shown-boxes.ts';

const box = (label: string) => ({ x: 1, y: 2, w: 3, h: 4, label });
const on = (frame: number | null, boxes: unknown, timestamp = (frame ?? 0) * 40_000): DataItem => ({
  sequence: 1,
  timestamp,
  frame,
  record: { boxes } as DataItem['record'],
});
const at = (id: number) => ({ id, timestamp: id * 40_000 });
const labels = (records: DataItem[], id: number) => boxesAt(records, at(id)).map(({ label }) => label);

test('the boxes of exactly this frame, of all detectors that looked at it', () => {
  const records = [on(9, [box('old')]), on(10, [box('a'), box('b')]), on(10, [box('c')]), on(11, [box('ahead')])];
  expect(labels(records, 10)).toEqual(['a', 'b', 'c']);
});

test('between looked-at frames those of the last one, but not for long', () => {
  const records = [on(8, [box('older')]), on(10, [box('a')]), on(30, [box('ahead')])];
  expect(labels(records, 12)).toEqual(['a']);
  expect(labels(records, 16)).toEqual(['a']);
  expect(labels(records, 17)).toEqual([]);
  expect(labels(records, 9)).toEqual(['older']);
});

test('a detector that finds nothing any more takes the boxes away', () => {
  expect(labels([on(10, [box('a')]), on(11, [])], 12)).toEqual([]);
});

test('records by time count too; other data and broken boxes are left out', () => {
  expect(labels([on(null, [box('t')], 9.5 * 40_000)], 10)).toEqual(['t']);
  expect(labels([on(10, 'no'), on(10, [{ x: 1 }, null, box('ok')])], 10)).toEqual(['ok']);
});
