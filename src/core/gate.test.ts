import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_AHEAD_US, TimeGate } from './gate.ts';
import type { Micros } from './time.ts';

const NOW = 1_763_640_000_000_000 as Micros;
const at = (seconds: number) => (NOW + Math.round(seconds * 1e6)) as Micros;

describe('TimeGate', () => {
  it('accepts times that rise, by however little', () => {
    const gate = new TimeGate();
    for (const us of [0, 1, 2, 1000, 5_000_000]) expect(gate.check((NOW + us) as Micros, NOW)).toEqual({ accepted: true, stepped: false });
    expect(gate.last).toBe(NOW + 5_000_000);
  });

  it('refuses what lies more than 10 s ahead of the server and says how far', () => {
    const gate = new TimeGate();
    expect(gate.check((NOW + MAX_AHEAD_US) as Micros, NOW).accepted).toBe(true);
    const answer = gate.check(at(61.24), NOW);
    expect(answer).toEqual({
      accepted: false,
      reason: 'future',
      detail: '2025-11-20T12:01:01.240000Z lies 61.2 s ahead of the server (2025-11-20T12:00:00.000000Z); at most 10 s are allowed',
    });
    expect(gate.last).toBe(at(10));
  });

  it('refuses times that do not rise and names both', () => {
    const gate = new TimeGate();
    gate.check(at(1), NOW);
    for (const same of [at(1), at(0.9)]) expect(gate.check(same, NOW)).toMatchObject({ accepted: false, reason: 'not-rising' });
    expect(gate.check(at(0.5), NOW)).toMatchObject({
      detail: '2025-11-20T12:00:00.500000Z is not later than the frame before (2025-11-20T12:00:01.000000Z); capture times must rise',
    });
  });

  it('takes three frames in a row more than 1 s behind for a step: the third begins a new epoch', () => {
    const gate = new TimeGate();
    gate.check(at(0), NOW);
    expect([at(-5), at(-4.9), at(-4.8), at(-4.7)].map((time) => gate.check(time, NOW))).toMatchObject([
      { accepted: false, reason: 'not-rising' },
      { accepted: false, reason: 'not-rising' },
      { accepted: true, stepped: true },
      { accepted: true, stepped: false },
    ]);
  });

  it('takes single stragglers for no step', () => {
    const gate = new TimeGate();
    gate.check(at(0), NOW);
    let late = 0;
    for (let i = 1; i < 10; i++) {
      for (const time of [at(-5), at(-5 + i / 100)]) if (!gate.check(time, NOW).accepted) late++;
      expect(gate.check(at(i / 100), NOW)).toEqual({ accepted: true, stepped: false });
    }
    expect(late).toBe(18);
    // A second behind is still late and not a step.
    for (let i = 0; i < 5; i++) expect(gate.check(at(0.09 - 1), NOW).accepted).toBe(false);
  });

  it('goes on behind an earlier run', () => {
    const gate = new TimeGate();
    gate.resume(at(5));
    expect(gate.check(at(4.5), at(5)).accepted).toBe(false);
    expect(gate.check(at(5.1), at(5)).accepted).toBe(true);
  });

  it('lets accepted times fall only at a step', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20_000_000, max: 15_000_000 })), (offsets) => {
        const gate = new TimeGate();
        let last = 0;
        for (const offset of offsets) {
          const time = (NOW + offset) as Micros;
          const answer = gate.check(time, NOW);
          expect(answer.accepted && offset > MAX_AHEAD_US).toBe(false);
          if (!answer.accepted) continue;
          expect(answer.stepped ? time < last - 1_000_000 : time > last).toBe(true);
          last = time;
        }
      }),
    );
  });
});
