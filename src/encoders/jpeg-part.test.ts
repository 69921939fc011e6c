// A part of the picture as JPEG: its size, and that it is the part that was asked for.
import { expect, it } from 'vitest';
import { type FrameInfo, frameBytes, type PixelFormat } from '../core/frame.ts';
import type { Micros } from '../core/time.ts';
import { decodeJpeg } from '../native/jpeg.ts';
import { openEncoder } from './jpeg.ts';

async function encode(format: PixelFormat, part: { crop?: number; step?: number }, bright: (x: number, y: number) => boolean) {
  const [width, height] = [320, 240];
  const pixels = new Uint8Array(frameBytes(format, width, height));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixels[y * width + x] = bright(x, y) ? 235 : 16;
  // Chroma without colour.
  pixels.fill(128, width * height);
  const info: FrameInfo = { id: 1, timestamp: 1 as Micros, format, width, height, significantBits: 0, received: 1 as Micros };
  await using session = await openEncoder({ codec: 'jpeg', quality: 95, width: null, fps: null, ...part });
  const { data, track } = (await session.encode(info, pixels, { pts: 0 as never, key: true, boundary: false }))!;
  return { ...(await decodeJpeg(data)), track };
}

it('takes the middle square and every so many pixels', async () => {
  const whole = await encode('gray', { crop: 100 }, (x) => x >= 160);
  expect([whole.width, whole.height, whole.track.width]).toEqual([100, 100, 100]);
  // It begins at 110, so the edge is in its middle.
  expect([whole.data[40]! < 60, whole.data[60]! > 180]).toEqual([true, true]);
  const thin = await encode('gray', { crop: 100, step: 4 }, (x) => x >= 160);
  expect([thin.width, thin.height]).toEqual([25, 25]);
  expect([thin.data[10]! < 60, thin.data[15]! > 180]).toEqual([true, true]);
  const large = await encode('gray', { crop: 5000 }, () => true);
  expect([large.width, large.height]).toEqual([240, 240]);
});

it('scales planar pictures to the size that it would have', async () => {
  const planar = await encode('nv12', { step: 4 }, (x) => x >= 160);
  expect([planar.width, planar.height]).toEqual([80, 60]);
});
