// The processor: what is brighter than `level` keeps its light, the rest goes dark. It counts what it has lit and says so, as a metric for
// the page and as a line of the data channel for the gateway.

import { z } from 'zod';
import { defineProcessor } from '../../src/index.ts';

export default defineProcessor({
  name: 'spotlight',
  params: z.looseObject({
    level: z.number().min(0).max(255).default(90).meta({ title: 'Level', step: 1 }),
    dim: z.number().min(0).max(1).default(0.25).meta({ title: 'Light of the rest', step: 0.05 }),
  }),
  video(frame, { params, metric }) {
    const light = frame.rgb();
    const pixels = new Uint8Array(light.length);
    let lit = 0;
    for (let at = 0; at < light.length; at += 3) {
      const bright = Math.max(light[at]!, light[at + 1]!, light[at + 2]!) >= params.level;
      if (bright) lit++;
      const share = bright ? 1 : params.dim;
      for (let channel = 0; channel < 3; channel++) pixels[at + channel] = light[at + channel]! * share;
    }
    metric({ lit: (300 * lit) / light.length });
    return { pixels, format: 'rgb24' };
  },
});
