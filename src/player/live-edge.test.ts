import { describe, expect, test } from 'vitest';
import { LiveEdgeController } from './live-edge.ts';

describe('LiveEdgeController', () => {
  test('speeds up by a quarter of the lag, at most a tenth', () => {
    const edge = new LiveEdgeController({ target: 0.5 });
    expect(edge.step(0, 0.54, 1)).toEqual({ rate: 1, jump: false });
    expect(edge.step(0, 0.7, 1).rate).toBeCloseTo(1.05);
    expect(edge.step(0, 2, 1).rate).toBe(1.1);
    expect(edge.step(0, 1.2, 1).rate).toBe(1.1);
    expect(edge.step(0, 0.2, 1).rate).toBe(1);
  });

  test('jumps when it is more than three seconds late', () => {
    const edge = new LiveEdgeController({ target: 0.5 });
    expect(edge.step(0, 3.4, 1).jump).toBe(false);
    expect(edge.step(0, 3.6, 1)).toEqual({ rate: 1, jump: true });
  });

  test('jumps earlier where the newer pictures are loaded already', () => {
    const edge = new LiveEdgeController({ target: 0.5 });
    expect(edge.step(0, 1.5, 1.1).jump).toBe(false);
    expect(edge.step(0, 1.5, 1.3).jump).toBe(true);
    expect(edge.step(0, 1.2, 1.2).jump).toBe(false);
  });

  test('does not speed into an empty buffer', () => {
    expect(new LiveEdgeController({ target: 0.5 }).step(0, 2, 0.05).rate).toBe(1);
  });

  test('a stall costs one part of latency, which comes back after a calm time', () => {
    const edge = new LiveEdgeController({ target: 0.5, perStall: 0.2, maxAdded: 0.5 });
    edge.stalled(0);
    expect(edge.target).toBeCloseTo(0.7);
    edge.stalled(1000);
    edge.stalled(2000);
    expect(edge.target).toBeCloseTo(1);
    edge.step(21_000, 1, 1);
    expect(edge.target).toBeCloseTo(1);
    edge.step(22_000, 1, 1);
    expect(edge.target).toBeCloseTo(0.8);
    edge.step(30_000, 1, 1);
    expect(edge.target).toBeCloseTo(0.8);
    for (let at = 42_000; at <= 102_000; at += 20_000) edge.step(at, 1, 1);
    expect(edge.target).toBeCloseTo(0.5);
  });
});
