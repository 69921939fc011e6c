import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compose, matrixOfFlip, matrixOfRotation, orientationOf, swapsSides, turnOf } from './orientation.ts';

const UPRIGHT = matrixOfRotation(0);

/** A display matrix as files carry it: a b u c d v x y w in 16.16 (the last column in 2.30). */
function matrix(a: number, b: number, c: number, d: number): Uint8Array {
  const numbers = new Int32Array([a * 65536, b * 65536, 0, c * 65536, d * 65536, 0, 0, 0, 1 << 30]);
  return new Uint8Array(numbers.buffer);
}

describe('orientation', () => {
  it('reads the matrices of ISO 14496-12', () => {
    expect(orientationOf(matrix(1, 0, 0, 1))).toEqual(UPRIGHT);
    // A phone held upright: turned by 90 degrees clockwise for showing.
    expect(turnOf(orientationOf(matrix(0, 1, -1, 0))).filters).toEqual([['transpose', 'dir=clock']]);
    expect(turnOf(orientationOf(matrix(0, -1, 1, 0))).filters).toEqual([['transpose', 'dir=cclock']]);
    expect(orientationOf(matrix(-1, 0, 0, -1))).toEqual(matrixOfRotation(180));
    expect(turnOf(orientationOf(matrix(1, 0, 0, -1)))).toEqual({ filters: [], reverseRows: true });
  });

  it('takes nonsense for upright and never throws', () => {
    expect(orientationOf(matrix(0, 0, 0, 0))).toEqual(UPRIGHT);
    expect(orientationOf(new Uint8Array(5))).toEqual(UPRIGHT);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const orientation = orientationOf(bytes);
        const { filters, reverseRows } = turnOf(orientation);
        expect(orientation.join() === UPRIGHT.join()).toBe(filters.length === 0 && !reverseRows);
      }),
    );
  });

  it('composes: rotations add up, two equal mirrors cancel, all results are in the table', () => {
    const angles = [0, 90, 180, 270] as const;
    for (const a of angles) {
      for (const b of angles) {
        expect(compose(matrixOfRotation(a), matrixOfRotation(b))).toEqual(matrixOfRotation(((a + b) % 360) as 0));
        expect(swapsSides(matrixOfRotation(a))).toBe(a % 180 !== 0);
        for (const flip of ['horizontal', 'vertical'] as const) {
          const both = compose(compose(matrixOfRotation(a), matrixOfFlip(flip)), matrixOfRotation(b));
          expect(turnOf(both)).not.toEqual(turnOf(UPRIGHT));
        }
      }
    }
  });
});
