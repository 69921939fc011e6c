import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SampleBuffer } from './sample-buffer.ts';

const value = fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.constant(null), fc.constant(Number.NaN));

function contents(buffer: SampleBuffer): [number, number][] {
  return Array.from({ length: buffer.length }, (_, row) => [buffer.timeAt(row), buffer.valueAt(row)]);
}

/** What the buffer must hold: the newest `most` times, sorted, the last value of each. */
class Plain {
  rows: [number, number][] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(time: number, given: number | null): void {
    const known = this.rows.find(([at]) => at === time);
    if (known) known[1] = given ?? Number.NaN;
    else if (this.rows.length < this.#most || time > this.rows[0]![0]) {
      this.rows.push([time, given ?? Number.NaN]);
      this.rows.sort((a, b) => a[0] - b[0]);
      if (this.rows.length > this.#most) this.rows.shift();
    }
  }
}

test('holds what a sorted list would hold: late, doubled, missing, and too many', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ time: fc.integer({ min: 0, max: 60 }), value }) },
    { weight: 1, arbitrary: fc.record({ before: fc.integer({ min: 0, max: 60 }) }) },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
      const buffer = new SampleBuffer(1, most);
      const plain = new Plain(most);
      for (const each of steps) {
        if ('before' in each) {
          buffer.dropBefore(each.before);
          plain.rows = plain.rows.filter(([time]) => time >= each.before);
        } else {
          buffer.add(each.time, each.value);
          plain.add(each.time, each.value);
        }
        expect(contents(buffer)).toEqual(plain.rows);
        expect(buffer.capacity).toBeLessThanOrEqual(Math.max(2, most * 2));
      }
      for (let time = -1; time < 62; time++) expect(buffer.rowAt(time)).toBe(plain.rows.findLastIndex(([at]) => at <= time));
    }),
  );
});

test('grows and slides without losing a row', () => {
  const buffer = new SampleBuffer(1, 100_000);
  for (let n = 0; n < 10_000; n++) {
    buffer.add(n * 10, n);
    if (n > 5000) buffer.dropBefore((n - 5000) * 10);
  }
  expect(buffer.length).toBe(5001);
  expect([buffer.firstTime, buffer.lastTime]).toEqual([49_990, 99_990]);
  expect(buffer.capacity).toBeLessThanOrEqual(16_384);
  expect(buffer.interval()).toBe(10);
});

test('vectors keep their rows together', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ time: fc.integer({ min: 0, max: 40 }), values: fc.array(value, { maxLength: 4 }) })), (rows) => {
      const buffer = new SampleBuffer(3, 1000);
      const plain = new Map<number, number[]>();
      for (const { time, values } of rows) {
        buffer.add(time, values);
        plain.set(
          time,
          [0, 1, 2].map((index) => Math.fround(values[index] ?? Number.NaN)),
        );
      }
      const sorted = [...plain].sort(([a], [b]) => a - b);
      expect(Array.from({ length: buffer.length }, (_, row) => [buffer.timeAt(row), [0, 1, 2].map((n) => buffer.valueAt(row, n))])).toEqual(
        sorted,
      );
    }),
  );
});

test('a gap of a vector is a row without values', () => {
  const buffer = new SampleBuffer(2, 10);
  buffer.add(1, [1, 2]);
  buffer.add(2, null);
  expect([buffer.valueAt(0, 1), buffer.valueAt(1, 0), buffer.valueAt(1, 1)]).toEqual([2, Number.NaN, Number.NaN]);
});
