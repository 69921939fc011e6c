// Cuts a part out of the picture.
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { FORMATS } from '../../core/frame.ts';
import { defineProcessor } from '../define.ts';
import { Place, Side } from './params.ts';
import { PictureMemory, sampleCount, samplePlanes } from './planes.ts';

export const processor = defineProcessor({
  name: 'crop',
  params: z.strictObject({
    x: Place.default(0).meta({ title: 'Left' }),
    y: Place.default(0).meta({ title: 'Top' }),
    width: Side.optional().describe('default: up to the right edge; what reaches beyond is left out').meta({ title: 'Width' }),
    height: Side.optional().describe('default: down to the bottom').meta({ title: 'Height' }),
  }),
  load: () => new PictureMemory(),
  video(frame, { params, state }) {
    const { format, pixels } = frame;
    // Colour of 4:2:0 and the blocks of a mosaic begin at even places.
    const grid = FORMATS[format].bytesPerPixel === 0 || format === 'bayer_rggb16le' ? ~1 : ~0;
    const x = params.x & grid;
    const y = params.y & grid;
    if (x >= frame.width || y >= frame.height) {
      throw new SluiceError('processor-failed', `crop begins at ${params.x}, ${params.y}; the picture is ${frame.width} x ${frame.height}`);
    }
    const width = Math.min(params.width ?? frame.width, frame.width - x);
    const height = Math.min(params.height ?? frame.height, frame.height - y);
    if (width === frame.width && height === frame.height) return null;
    const out = state.take(format, sampleCount(format, width, height));
    const from = samplePlanes(format, frame.width, frame.height);
    for (const [i, plane] of samplePlanes(format, width, height).entries()) {
      const source = from[i]!;
      const length = plane.width * plane.channels;
      for (let row = 0; row < plane.height; row++) {
        const at = source.offset + ((y / source.shrink + row) * source.width + x / source.shrink) * source.channels;
        out.set(pixels.subarray(at, at + length), plane.offset + row * length);
      }
    }
    return { pixels: out, width, height, significantBits: frame.info.significantBits };
  },
});
