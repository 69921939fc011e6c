// What the configuration says of the compatibility routes.
import { z } from 'zod';
import { StreamName } from './schema.ts';
import { MetricName } from './timeline.ts';

const stream = StreamName.optional().describe('which stream is shown; default: the first one that fits');

/** Key `compat` of the configuration: by seed, which stream its clients see. */
export const CompatConfig = z.strictObject({
  streamview: z.strictObject({ stream, metric: MetricName.optional().describe('which metric; default: the first') }).prefault({}),
  hlsStream: z.strictObject({ stream }).prefault({}),
  reroCctv: z
    .strictObject({
      stream,
      adapt: z
        .enum(['fps', 'off'])
        .default('fps')
        .describe(
          'fps: a viewer whose way is too narrow for the quality in its address gets a lower one, by the rule of frames per second',
        ),
    })
    .prefault({}),
  imswitch: z
    .strictObject({
      format: z
        .enum(['auto', 'frame_meta', 'msgpack'])
        .default('auto')
        .describe(
          'what Socket.IO clients get that do not say it in their address: frame_meta (October 2025) or msgpack (since then); auto: by how they acknowledge',
        ),
    })
    .prefault({}),
});
export type CompatConfig = z.infer<typeof CompatConfig>;
