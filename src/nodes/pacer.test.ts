import { expect, it } from 'vitest';
import { Pacer } from './pacer.ts';

const START = 1_795_224_671_061_341;

it('keeps the rate although every tick is at work and every timer is late', () => {
  const pacer = new Pacer(30, START);
  let now = START;
  let ticks = 0;
  for (; now < START + 600_000_000; ticks++) {
    now += 20_000;
    now = Math.max(now, pacer.next(now)) + 900;
  }
  // Ten minutes at 30: 1/(1/30 + work), as a sleep after the work has it, would be 11,250.
  expect(ticks).toBeGreaterThanOrEqual(18_000);
  expect(ticks).toBeLessThanOrEqual(18_001);
  expect(pacer.missed).toBe(0);
});

it('has its due times on one grid: rounding does not add up', () => {
  const pacer = new Pacer(29.97, START);
  let due = START;
  let worst = 0;
  for (let n = 1; n <= 100_000; n++) {
    due = pacer.next(due);
    worst = Math.max(worst, Math.abs(due - (START + (n * 1e6) / 29.97)));
  }
  expect(worst).toBeLessThanOrEqual(1);
});

it('who is late by less than a tick goes on at once, back on the grid', () => {
  const pacer = new Pacer(10, START);
  expect(pacer.next(START + 150_000)).toBe(START + 100_000);
  expect(pacer.next(START + 160_000)).toBe(START + 200_000);
  expect(pacer.missed).toBe(0);
});

it('leaves missed ticks out instead of making up for them, and counts them', () => {
  const pacer = new Pacer(10, START);
  expect(pacer.next(START + 1_030_000)).toBe(START + 1_000_000);
  expect(pacer.missed).toBe(9);
  expect(pacer.next(START + 1_040_000)).toBe(START + 1_100_000);
});

it('a node that is always too slow runs without pause and without a burst', () => {
  const pacer = new Pacer(10, START);
  let now = START;
  for (let n = 0; n < 100; n++) {
    now += 120_000;
    expect(pacer.next(now)).toBeLessThanOrEqual(now);
  }
  expect(pacer.missed).toBe(20);
});
