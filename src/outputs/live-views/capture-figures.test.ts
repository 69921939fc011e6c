import { expect, it } from 'vitest';
import { CaptureFigures } from './capture-figures.ts';

const START = 1_763_640_000_000_000;
const micros = (value: number) => value as never;

it('counts what is missing by capture times, and says how old frames are', () => {
  const figures = new CaptureFigures();
  const frame = (i: number, age: number) =>
    figures.frame({ timestamp: micros(START + i * 33_333), received: micros(START + i * 33_333 + age * 1000) });
  for (let i = 0; i < 60; i++) if (i !== 20 && i !== 40 && i !== 41) frame(i, i === 50 ? 45 : 5);
  const now = START + 2_000_000;
  expect(figures.figures(now)).toMatchObject({ gaps: { count: 2, missing: 3, longestMs: 100 }, ageMs: { max: 45 }, intervalMs: 33.3 });
  expect(figures.figures(now).ageMs.mean).toBeCloseTo(5.7, 1);
  // What is long ago counts no more; what was missed stays counted.
  expect(figures.figures(now + 120e6)).toMatchObject({ gaps: { count: 2, missing: 3, longestMs: null }, ageMs: { mean: null, max: null } });
});

it('another rate of the camera is no row of gaps', () => {
  const figures = new CaptureFigures();
  let at = START;
  const run = (count: number, step: number) => {
    for (let i = 0; i < count; i++) {
      at += step;
      figures.frame({ timestamp: micros(at), received: micros(at) });
    }
  };
  run(30, 20_000);
  run(100, 100_000);
  expect(figures.figures(at).gaps.count).toBe(4);
  run(30, 20_000);
  expect(figures.figures(at).gaps.count).toBe(4);
  expect(figures.figures(at).intervalMs).toBeLessThan(30);
});
