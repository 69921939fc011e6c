// A user's processor whose param can be read off the picture: it fills the lower half with its level.
import { defineProcessor } from 'sluice';
import { z } from 'zod';

export default defineProcessor({
  params: z
    .strictObject({
      level: z.number().int().min(0).max(255).default(0).meta({ title: 'Level', group: 'Paint' }),
      limit: z.number().int().min(100).max(255).default(255).describe('level may not be above'),
      pressed: z.boolean().default(false).meta({ control: 'trigger' }),
    })
    .refine(({ level, limit }) => level <= limit, { path: ['level'], message: 'must not be above limit' }),
  video(frame, { params, metric }) {
    const samples = frame.edit();
    samples.fill(params.level, samples.length / 2);
    metric({ pressed: params.pressed ? 1 : 0 });
    return frame;
  },
});
