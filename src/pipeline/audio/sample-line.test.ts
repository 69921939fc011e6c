import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SampleLine } from './sample-line.ts';

const block = (samples: number, value = 1) => [new Float32Array(samples).fill(value)];

it('leaves sound without a fault as it is', () => {
  const line = new SampleLine(48_000, 1);
  for (let i = 0; i < 100; i++) expect(line.add(5_000_000 + i * 20_000, block(960, i))[0]).toEqual(block(960, i)[0]);
  expect(line.counts).toEqual({ filled: 0, cut: 0, stretched: 0 });
});

it('fills a gap with silence and cuts what overlaps', () => {
  const line = new SampleLine(1000, 1);
  line.add(0, block(100));
  const [after] = line.add(200_000, block(100)) as [Float32Array];
  expect([...after.subarray(0, 100)].every((value) => value === 0)).toBe(true);
  expect(after.length).toBe(200);
  // 50 ms of these are there already; of the next, all.
  expect(line.add(250_000, block(100))[0]!.length).toBe(50);
  expect(line.add(240_000, block(100))[0]!.length).toBe(0);
  expect(line.counts).toMatchObject({ filled: 100, cut: 150 });
  expect(line.end).toBe(350_000);
});

it('follows a clock of samples that runs 0.1 % off, within 10 ms and without a gap', () => {
  for (const factor of [0.999, 1.001]) {
    const line = new SampleLine(48_000, 2);
    let time = 1_000_000;
    for (let i = 0; i < 5000; i++, time += 20_000 * factor) {
      line.add(time, [new Float32Array(960), new Float32Array(960)]);
      expect(Math.abs(line.end! - (time + 20_000))).toBeLessThan(10_000);
    }
    expect(line.counts).toMatchObject({ filled: 0, cut: 0 });
  }
});

it('what it lays is as long as it says, whatever comes', () => {
  const step = fc.tuple(fc.integer({ min: -50_000, max: 200_000 }), fc.integer({ min: 1, max: 2000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const line = new SampleLine(8000, 1);
      const start = 1_000_000;
      let time = start;
      let laid = 0;
      for (const [by, samples] of steps) {
        laid += line.add(time, block(samples))[0]!.length;
        expect(line.end!).toBeCloseTo(start + (laid * 1e6) / 8000, 3);
        // At most so far behind the end of the block as a gap is long, and what stretching took.
        expect(line.end!).toBeGreaterThan(time + (samples * 1e6 * 0.994) / 8000 - 41_000);
        time += by;
      }
    }),
  );
});
