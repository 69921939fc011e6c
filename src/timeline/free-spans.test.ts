import fc from 'fast-check';
import { expect, it } from 'vitest';
import { freeSpans } from './free-spans.ts';

it('leaves out exactly what is protected', () => {
  const span = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 15 })).map(([start, length]) => ({
    start,
    end: start + length,
  }));
  fc.assert(
    fc.property(
      fc.array(span, { maxLength: 6 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 40 }),
      (spans, from, length) => {
        const to = from + length;
        const free = freeSpans(from, to, spans);
        for (let t = 0; t < 100; t++) {
          const wanted = t >= from && t < to && !spans.some(({ start, end }) => t >= start && t <= end);
          expect(free.filter(({ start, end }) => t >= start && t < end)).toHaveLength(wanted ? 1 : 0);
        }
        expect(free.every(({ start, end }) => start < end)).toBe(true);
      },
    ),
  );
});
