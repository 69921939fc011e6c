// Lets every picture and every block of sound through as it is: to measure what the way through a processor costs.
import { z } from 'zod';
import { defineProcessor } from '../define.ts';

export const processor = defineProcessor({
  name: 'pass',
  params: z.strictObject({
    copy: z.boolean().default(false).describe('hand the picture over as if it had been changed').meta({ title: 'Copy' }),
  }),
  video: (frame, { params }) => {
    if (!params.copy) return null;
    frame.edit();
    return frame;
  },
  audio: () => null,
});
