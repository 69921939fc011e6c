// What has changed since the frame before: black where nothing has.
import { z } from 'zod';
import { FORMATS } from '../../core/frame.ts';
import { defineProcessor, type Pixels } from '../define.ts';
import { fullScale } from '../levels.ts';

export const processor = defineProcessor({
  name: 'difference',
  params: z.strictObject({
    gain: z
      .number()
      .min(0.1)
      .max(100)
      .default(1)
      .describe('differences are multiplied by this')
      .meta({ title: 'Gain', control: 'range', step: 0.1 }),
  }),
  load: () => ({ before: null as Pixels | null, kind: '' }),
  video(frame, { params: { gain }, state }) {
    const { format, width, height, pixels } = frame;
    const kind = `${format} ${width}x${height}`;
    // Nothing to compare with: nothing has changed.
    if (state.kind !== kind || !state.before) state.before = pixels.slice();
    state.kind = kind;
    const { before } = state;
    const out = frame.edit();
    const planar = FORMATS[format].bytesPerPixel === 0;
    const full = pixels instanceof Float32Array ? Number.POSITIVE_INFINITY : planar ? 219 : fullScale(frame.info);
    const count = planar ? width * height : pixels.length;
    const black = planar ? 16 : 0;
    for (let i = 0; i < count; i++) {
      // `out` may be the very memory of `pixels`.
      const now = pixels[i]!;
      out[i] = black + Math.min(full, Math.abs(now - before[i]!) * gain);
      before[i] = now;
    }
    if (planar) out.fill(128, count);
    if (format === 'rgba') for (let i = 3; i < count; i += 4) out[i] = 255;
    return frame;
  },
});
