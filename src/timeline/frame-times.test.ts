import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameTimes } from './frame-times.ts';

const T0 = 1_795_000_000_000_000;

describe('FrameTimes', () => {
  it('finds frames by id and by time as a plain list would, also where the clock was set back', () => {
    const frame = fc.record({
      skip: fc.integer({ min: 1, max: 4 }),
      step: fc.oneof(
        { arbitrary: fc.integer({ min: 1, max: 60_000 }), weight: 30 },
        { arbitrary: fc.integer({ min: -500_000, max: -1 }), weight: 1 },
      ),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 200 }), fc.array(fc.nat(), { maxLength: 20 }), (steps, picks) => {
        const times = new FrameTimes();
        const list: { id: number; timestamp: number; run: number }[] = [];
        let [id, timestamp, run] = [0, T0, 0];
        for (const { skip, step } of steps) {
          id += skip;
          timestamp += step;
          if (step <= 0 && list.length) run++;
          list.push({ id, timestamp, run });
          times.add(id, timestamp);
        }
        expect(times.newest).toEqual(list.length ? { id, timestamp } : null);
        for (const pick of picks) {
          const wanted = pick % (id + 3);
          const byId = list.find((entry) => entry.id === wanted);
          expect(times.byId(wanted)).toEqual(byId ? { id: byId.id, timestamp: byId.timestamp } : null);
          expect(times.before(wanted)?.id).toBe(list.findLast((entry) => entry.id <= wanted)?.id);
          const at = T0 - 600_000 + (pick % 13_000_000);
          let shown: number | undefined;
          for (let r = run; r >= 0 && shown === undefined; r--) {
            shown = list.findLast((entry) => entry.run === r && entry.timestamp <= at)?.id;
          }
          expect(times.at(at)?.id).toBe(shown);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('forgets what is older than half an hour, and grows no further', () => {
    const times = new FrameTimes();
    for (let i = 0; i < 40 * 60; i++) times.add(i + 1, T0 + i * 1_000_000);
    expect(times.newest).toEqual({ id: 2400, timestamp: T0 + 2399_000_000 });
    expect(times.oldest!.timestamp).toBe(T0 + (2399 - 1800) * 1_000_000);
    expect(times.byId(1)).toBeNull();
    expect(times.at(T0)).toBeNull();
    expect(times.byId(2000)!.timestamp).toBe(T0 + 1999_000_000);
  });
});
