// 4:2:0 pictures to rgb24, for single pictures only: streams are converted by FFmpeg.
import { FORMATS, type Picture, planesOf } from '../core/frame.ts';

/** Luma weights of red and blue (ITU-R BT.601-7 2.5.1, BT.709-6 3.2). */
const BT601 = { red: 0.299, blue: 0.114 };
const BT709 = { red: 0.2126, blue: 0.0722 };

/**
 * yuv420p and nv12 as rgb24 (limited range; without `matrix` BT.709 from 720 lines on, else BT.601, as everywhere in the program); other formats come
 * back as they are. The result has memory of its own, or lies in `memory` (width * height * 3 bytes).
 */
export function toPacked(
  picture: Picture,
  matrix: 'bt601' | 'bt709' = picture.height >= 720 ? 'bt709' : 'bt601',
  memory: Uint8Array = new Uint8Array(FORMATS[picture.format].bytesPerPixel ? 0 : picture.width * picture.height * 3),
): Picture {
  const { format, width, height, data } = picture;
  if (FORMATS[format].bytesPerPixel) return picture;
  const { red, blue } = matrix === 'bt709' ? BT709 : BT601;
  const green = 1 - red - blue;
  // Limited range: luma 16..235, chroma 16..240 around 128.
  const luma = new Float64Array(256).map((_, v) => ((v - 16) * 255) / 219);
  const table = (weight: number) => new Float64Array(256).map((_, v) => ((v - 128) * 255 * weight) / 224);
  const redV = table(2 * (1 - red));
  const blueU = table(2 * (1 - blue));
  const greenU = table((-2 * (1 - blue) * blue) / green);
  const greenV = table((-2 * (1 - red) * red) / green);

  const [, u, v] = planesOf(format, width, height);
  const step = format === 'nv12' ? 2 : 1;
  const out = new Uint8ClampedArray(memory.buffer, memory.byteOffset, memory.byteLength);
  for (let y = 0, at = 0, to = 0; y < height; y++) {
    const uRow = u!.offset + (y >> 1) * u!.stride;
    const vRow = v ? v.offset + (y >> 1) * v.stride : uRow + 1;
    for (let x = 0; x < width; x++, at++, to += 3) {
      const light = luma[data[at]!]!;
      const cb = data[uRow + (x >> 1) * step]!;
      const cr = data[vRow + (x >> 1) * step]!;
      out[to] = light + redV[cr]!;
      out[to + 1] = light + greenU[cb]! + greenV[cr]!;
      out[to + 2] = light + blueU[cb]!;
    }
  }
  return { format: 'rgb24', width, height, data: memory };
}
