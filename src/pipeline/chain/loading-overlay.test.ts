import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES, type FrameInfo, frameBytes, type PixelFormat } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';
import { Colours } from '../../processors/levels.ts';
import { drawLoading } from './loading-overlay.ts';

function frame(format: PixelFormat, width: number, height: number, timestamp = 0) {
  const info: FrameInfo = { id: 1, timestamp: timestamp as Micros, received: 0 as Micros, format, width, height, significantBits: 0 };
  return { info, bytes: new Uint8Array(frameBytes(format, width, height)).fill(128) };
}

/** Columns of a row that are bluer than red: those of the bar. */
function barOf({ info, bytes }: ReturnType<typeof frame>): number {
  let most = 0;
  const row = new Uint8ClampedArray(info.width * 3);
  for (let y = 0; y < info.height; y++) {
    new Colours({ info, pixels: bytes }).row(row, y, 0, 1);
    let count = 0;
    for (let x = 0; x < info.width; x++) if (row[x * 3 + 2]! > row[x * 3]! + 80) count++;
    most = Math.max(most, count);
  }
  return most;
}

describe('the overlay of loading', () => {
  it.each(FORMAT_NAMES)('is drawn into %s of any size, and leaves the rest alone', (format) => {
    for (const [width, height] of [
      [640, 360],
      [65, 47],
      [3, 2],
      [1, 1],
    ] as const) {
      const made = frame(format, width, height);
      drawLoading(made.info, made.bytes, { name: 'onnx', message: 'Loading squares.onnx', share: 0.5 });
      if (width < 64) continue;
      expect(made.bytes.some((value) => value !== 128)).toBe(true);
      const rows = Math.floor(made.bytes.length / height / (format === 'yuv420p' || format === 'nv12' ? 1.5 : 1));
      expect(made.bytes.subarray(0, rows * Math.floor(height / 3)).every((value) => value === 128)).toBe(true);
    }
  });

  it('has a bar as long as the share', () => {
    const at = (share: number) => {
      const made = frame('rgb24', 640, 360);
      drawLoading(made.info, made.bytes, { name: 'onnx', message: 'Loading', share });
      return barOf(made);
    };
    expect(at(0)).toBe(0);
    expect(at(0.5) / at(1)).toBeCloseTo(0.5, 1);
    expect(at(1)).toBeGreaterThan(300);
  });

  it('has a bar that runs while nothing is known', () => {
    const at = (timestamp: number) => {
      const made = frame('rgb24', 640, 360, timestamp);
      drawLoading(made.info, made.bytes, { name: 'onnx', message: 'Starting', share: null });
      return Buffer.from(made.bytes);
    };
    expect(at(0).equals(at(700_000))).toBe(false);
    expect(at(0).equals(at(3_000_000))).toBe(true);
  });
});
