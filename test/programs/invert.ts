// A user's processor: the negative of each picture.
import { z } from 'zod';
import { defineProcessor } from '../../src/processors/define.ts';

export default defineProcessor({
  params: z.strictObject({ top: z.number().min(0).max(255).default(255) }),
  video: (frame, { params, metric }) => {
    const pixels = frame.edit();
    for (let i = 0; i < pixels.length; i++) pixels[i] = params.top - pixels[i]!;
    metric({ first: pixels[0]! });
    return frame;
  },
});
