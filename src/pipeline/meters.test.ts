import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Percentiles, RateMeter, Tally } from './meters.ts';

const START = 1_763_640_000_000_000;

describe('RateMeter', () => {
  it('counts over the complete seconds of its window, not the one that runs', () => {
    const meter = new RateMeter(4);
    for (let i = 0; i < 5 * 30; i++) meter.add(START + Math.floor((i * 1e6) / 30), 100);
    expect(meter.rates(START + 5_000_000)).toEqual({ perSecond: 30, amountPerSecond: 3000 });
    expect(meter.rates(START + 5_990_000)).toEqual({ perSecond: 30, amountPerSecond: 3000 });
  });

  it('falls to zero when nothing comes any more, also after hours', () => {
    const meter = new RateMeter(4);
    for (let i = 0; i < 150; i++) meter.add(START + i * 33_333);
    const rates = [6, 7, 8, 9, 10].map((second) => meter.rates(START + second * 1e6).perSecond);
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect(rates.at(-1)).toBe(0);
    meter.add(START + 20_000_000);
    expect(meter.rates(START + 90_000_000_000).perSecond).toBe(0);
  });

  it('survives times that go back', () => {
    const meter = new RateMeter(2);
    meter.add(START + 1_000_000);
    meter.add(START - 50_000_000);
    expect(meter.rates(START + 2_000_000).perSecond).toBe(1);
  });
});

describe('Percentiles', () => {
  it('is null before the first value', () => {
    expect(new Percentiles().summary).toEqual({ p50: null, p95: null });
  });

  it('is what sorting says, over the last values only', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 60 }), (values) => {
        const percentiles = new Percentiles(20);
        for (const value of values) percentiles.add(value);
        const sorted = values.slice(-20).sort((a, b) => a - b);
        const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
        expect(percentiles.summary).toEqual({ p50: at(0.5), p95: at(0.95) });
      }),
    );
  });
});

describe('Tally', () => {
  it('counts by name and in all, and gives away no inner state', () => {
    const tally = new Tally();
    tally.add('newest');
    tally.add('ring', 3);
    tally.add('newest');
    tally.counts.newest = 99;
    expect(tally.counts).toEqual({ newest: 2, ring: 3 });
    expect(tally.total).toBe(5);
  });

  it('takes names that objects have already', () => {
    const tally = new Tally();
    tally.add('constructor');
    tally.add('toString');
    expect(tally.total).toBe(2);
  });
});
