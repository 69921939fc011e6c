// Raw pictures with padded rows, as cameras and arrays have them, to the tight layout that everything inside the program uses.
import { SluiceError } from '../core/errors.ts';
import { frameBytes, type PixelFormat, type Plane, planesOf } from '../core/frame.ts';

/** Bytes of a row of a tightly packed picture: the smallest stride (of the luma plane in yuv420p and nv12). */
export function rowBytes(format: PixelFormat, width: number): number {
  return planesOf(format, width, 1)[0]!.stride;
}

/**
 * Planes of a picture whose rows are `stride` bytes apart. In planar formats the stride is that of luma; chroma rows are half of it
 * apart, rounded up (nv12: that times two), so that the tight stride gives the tight layout of `planesOf` for odd widths too.
 */
export function stridedPlanes(format: PixelFormat, width: number, height: number, stride: number): Plane[] {
  let offset = 0;
  return planesOf(format, width, height).map((plane, index) => {
    const half = Math.ceil(stride / 2);
    const own = index === 0 ? stride : format === 'nv12' ? half * 2 : half;
    const at = { offset, stride: own, rows: plane.rows };
    offset += own * plane.rows;
    return at;
  });
}

/** Bytes of a picture whose rows are `stride` bytes apart. */
export function stridedBytes(format: PixelFormat, width: number, height: number, stride: number): number {
  const last = stridedPlanes(format, width, height, stride).at(-1)!;
  return last.offset + last.stride * last.rows;
}

/** Checks stride and length of a raw picture; `stride` 0 stands for tight rows. Gives the stride. Throws `bad-frame`. */
export function checkRaw(received: number, format: PixelFormat, width: number, height: number, stride = 0): number {
  const row = rowBytes(format, width);
  const own = stride === 0 ? row : stride;
  if (!Number.isInteger(own) || own < row) {
    throw new SluiceError('bad-frame', `stride: ${stride} received; expected at least ${row} bytes (a row of ${width} pixels ${format})`, {
      field: 'stride',
      received: stride,
      allowed: { minimum: row },
    });
  }
  const expected = stridedBytes(format, width, height, own);
  if (received !== expected) {
    throw new SluiceError(
      'bad-frame',
      `expected ${expected} bytes (${width}x${height} ${format}, stride ${own}), received ${received}${arrivalHint(received, format, width, height, own)}`,
      { field: 'payload', received, expected },
    );
  }
  return own;
}

/** Names the likely mistake where the length gives it away. */
function arrivalHint(received: number, format: PixelFormat, width: number, height: number, stride: number): string {
  if (received === frameBytes(format, width, height)) return `; that is ${width}x${height} without padding: leave the stride out`;
  if (received === stridedBytes(format, width, height, stride) * 2) return '; twice as much: 16-bit samples where 8-bit ones were named?';
  return '';
}

/**
 * Copies a raw picture into `target` (such as the pixels of a ring slot) without the padding of its rows: one copy if it has none.
 * `stride` in bytes, 0 = tight. `target` holds at least `frameBytes(...)`. Throws `bad-frame` for a wrong length or stride.
 */
export function packRowsInto(target: Uint8Array, src: Uint8Array, format: PixelFormat, width: number, height: number, stride = 0): void {
  const own = checkRaw(src.length, format, width, height, stride);
  const bytes = frameBytes(format, width, height);
  if (target.length < bytes) {
    throw new SluiceError('bad-frame', `${width}x${height} ${format} needs ${bytes} bytes; the slot has ${target.length}`, {
      received: target.length,
      expected: bytes,
    });
  }
  if (src.length === bytes) {
    target.set(src);
    return;
  }
  const from = stridedPlanes(format, width, height, own);
  for (const [index, to] of planesOf(format, width, height).entries()) {
    const plane = from[index]!;
    for (let y = 0; y < to.rows; y++) {
      const start = plane.offset + y * plane.stride;
      target.set(src.subarray(start, start + to.stride), to.offset + y * to.stride);
    }
  }
}

/** The tightly packed picture as a new array (or `src` itself if it is tight already). Throws as `packRowsInto`. */
export function packRows(src: Uint8Array, format: PixelFormat, width: number, height: number, stride = 0): Uint8Array {
  const bytes = frameBytes(format, width, height);
  if (checkRaw(src.length, format, width, height, stride) && src.length === bytes) return src;
  const target = new Uint8Array(bytes);
  packRowsInto(target, src, format, width, height, stride);
  return target;
}
