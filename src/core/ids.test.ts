import { afterEach, describe, expect, it, vi } from 'vitest';
import { IdCounter } from './ids.ts';

afterEach(() => void vi.restoreAllMocks());

describe('IdCounter', () => {
  it('counts from the first to below the limit, then gives 0 until more is reserved', () => {
    const ids = new IdCounter({ first: 10_001, limit: 10_004 });
    expect([ids.take(), ids.take(), ids.take(), ids.take(), ids.take()]).toEqual([10_001, 10_002, 10_003, 0, 0]);
    expect(ids.next).toBe(10_004);
    ids.extend(10_006);
    expect([ids.take(), ids.take(), ids.take()]).toEqual([10_004, 10_005, 0]);
  });

  it('is one counter for all who open its memory', () => {
    const ids = new IdCounter({ first: 1, limit: 100 });
    const other = new IdCounter({ memory: ids.memory });
    expect([ids.take(), other.take(), ids.take(), other.take()]).toEqual([1, 2, 3, 4]);
    other.extend(5);
    expect(ids.take()).toBe(0);
    expect(ids.limit).toBe(5);
  });

  it('keeps ids beyond 2^32 exact', () => {
    const ids = new IdCounter({ first: Number.MAX_SAFE_INTEGER - 2, limit: Number.MAX_SAFE_INTEGER });
    expect([ids.take(), ids.take(), ids.take()]).toEqual([Number.MAX_SAFE_INTEGER - 2, Number.MAX_SAFE_INTEGER - 1, 0]);
  });

  it('gives no id twice when it is extended while another thread finds it used up', () => {
    const ids = new IdCounter({ first: 1, limit: 1 });
    const other = new IdCounter({ memory: ids.memory });
    const load = Atomics.load;
    const taken: number[] = [];
    let calls = 0;
    // The second read of `take` is the limit: at that moment another thread extends the block and takes from it.
    vi.spyOn(Atomics, 'load').mockImplementation(((array: BigInt64Array, index: number) => {
      const value = load(array, index);
      if (index === 1 && calls++ === 0) {
        other.extend(100);
        taken.push(other.take());
      }
      return value;
    }) as typeof Atomics.load);
    taken.push(ids.take(), ids.take(), other.take());
    const given = taken.filter((id) => id > 0);
    expect(new Set(given).size).toBe(given.length);
    expect(given.length).toBeGreaterThanOrEqual(3);
  });
});
