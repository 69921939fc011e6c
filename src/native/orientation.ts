// The eight ways to lay a picture down: rotations by right angles, with and without a mirror.

/** x' = a x + b y, y' = c x + d y with y pointing down; entries are -1, 0 or 1. */
export type Orientation = readonly [a: number, b: number, c: number, d: number];

const UPRIGHT: Orientation = [1, 0, 0, 1];

/** How a picture is brought into an orientation: by filters of FFmpeg, then by reversing the order of its rows. */
export interface Turn {
  readonly filters: readonly (readonly [name: string, options: string | null])[];
  readonly reverseRows: boolean;
}

// FFmpeg's `vflip` is not among them: it gives pictures with negative row lengths, which swscale copies to the wrong place (a crash).
const TURNS: Record<string, Turn> = {
  '1,0,0,1': { filters: [], reverseRows: false },
  '0,-1,1,0': { filters: [['transpose', 'dir=clock']], reverseRows: false },
  '-1,0,0,-1': { filters: [['hflip', null]], reverseRows: true },
  '0,1,-1,0': { filters: [['transpose', 'dir=cclock']], reverseRows: false },
  '-1,0,0,1': { filters: [['hflip', null]], reverseRows: false },
  '1,0,0,-1': { filters: [], reverseRows: true },
  '0,1,1,0': { filters: [['transpose', 'dir=cclock_flip']], reverseRows: false },
  '0,-1,-1,0': { filters: [['transpose', 'dir=clock_flip']], reverseRows: false },
};

/** What brings a picture into this orientation. */
export function turnOf(orientation: Orientation): Turn {
  return TURNS[orientation.join()] ?? TURNS['1,0,0,1']!;
}

/** Whether width and height change places. */
export function swapsSides(orientation: Orientation): boolean {
  return orientation[0] === 0;
}

/** First one, then the other. */
export function compose(first: Orientation, second: Orientation): Orientation {
  const [a, b, c, d] = first;
  const [e, f, g, h] = second;
  // `+ 0` turns -0 into 0, which would be written differently in the table.
  return [e * a + f * c + 0, e * b + f * d + 0, g * a + h * c + 0, g * b + h * d + 0];
}

/** Rotation in degrees clockwise. */
export function matrixOfRotation(degrees: 0 | 90 | 180 | 270): Orientation {
  return ({ 0: UPRIGHT, 90: [0, -1, 1, 0], 180: [-1, 0, 0, -1], 270: [0, 1, -1, 0] } as const)[degrees];
}

export function matrixOfFlip(flip: 'none' | 'horizontal' | 'vertical'): Orientation {
  return ({ none: UPRIGHT, horizontal: [-1, 0, 0, 1], vertical: [1, 0, 0, -1] } as const)[flip];
}

/**
 * Reads a display matrix (ISO/IEC 14496-12 8.2.2: nine 32-bit numbers a b u c d v x y w in the byte order of the machine, with
 * x' = a x + c y and y' = b x + d y). Angles between are taken for the nearest right angle; nonsense is upright.
 */
export function orientationOf(matrix: Uint8Array): Orientation {
  if (matrix.length < 36) return UPRIGHT;
  const view = new DataView(matrix.buffer, matrix.byteOffset, matrix.byteLength);
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const at = (index: number) => view.getInt32(index * 4, little);
  const [a, b, c, d] = [at(0), at(1), at(3), at(4)];
  const orientation: Orientation = Math.abs(a) >= Math.abs(c) ? [Math.sign(a), 0, 0, Math.sign(d)] : [0, Math.sign(c), Math.sign(b), 0];
  return orientation.join() in TURNS ? orientation : UPRIGHT;
}
