// What can be set of a processor server beside its handlers: plain values, checked in one place.
import { z } from 'zod';
import { parseInput } from '../api/zod-problem.ts';
import type { ServerConfigInput } from '../server/config.ts';

const seconds = (most: number) => z.number().positive().max(most);

export const OverlaySettings = z.strictObject({
  mode: z.enum(['progressbar', 'passthrough']).default('progressbar').describe('passthrough: the original picture instead of a bar'),
  message: z.string().max(200).default('Loading...'),
  progress: z.number().min(0).max(1).nullable().default(null).describe('0 to 1; null: a bar that moves'),
  enabled: z.boolean().default(true).describe('false: the overlay never begins by itself'),
  autoTimeoutSeconds: seconds(3600).nullable().default(1.5).describe('so long without a processed frame turns it on; null: only by hand'),
  frameCountToDisable: z.number().int().min(1).max(10_000).default(1).describe('so many processed frames turn it off'),
});
export type OverlaySettings = z.output<typeof OverlaySettings>;

/** Of the frame skipper, frames per second. */
export const MAX_TARGET_FPS = 1000;

export const FrameSkipSettings = z.strictObject({
  targetFps: z
    .number()
    .positive()
    .max(MAX_TARGET_FPS)
    .nullable()
    .default(null)
    .describe('frames per second that it is given; null: as they come'),
  adaptationCooldown: seconds(3600).default(0.5).describe('seconds between two looks at the rate'),
  maxQueueSize: z.number().int().min(1).max(300).default(15).describe('when more frames wait, the oldest go'),
  maxCleanupFrames: z.number().int().min(1).max(300).default(50).describe('at most so many go at once'),
});
export type FrameSkipSettings = z.output<typeof FrameSkipSettings>;

export const CapabilitySettings = z.strictObject({
  orchUrl: z.url({ protocol: /^https?$/ }).optional(),
  orchSecret: z.string().min(1).optional(),
  name: z.string().min(1).optional(),
  description: z.string().optional(),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('where the orchestrator finds this server'),
  capacity: z.number().int().min(1).optional(),
  pricePerUnit: z.number().int().min(0).optional(),
  priceScaling: z.number().int().min(1).optional(),
  retries: z.number().int().min(1).max(1000).default(3),
  delay: z.number().min(0).max(3600).default(2).describe('seconds between two tries'),
  timeout: seconds(600).default(1.5).describe('seconds for one try'),
  insecure: z.boolean().optional().describe('takes the certificate of the orchestrator as it is'),
});
export type CapabilitySettings = z.output<typeof CapabilitySettings>;

const prefix = z.string().regex(/^\/[\w.~/-]*$/, 'a path that begins with /, such as /api/v2');

export const StreamProcessorSettings = z.strictObject({
  name: z.string().min(1).max(100).default('stream-processor').describe('for people'),
  host: z.string().optional().describe('address that it listens on; default 127.0.0.1'),
  port: z.number().int().min(0).max(65_535).optional().describe('default 8000; 0 = any free one'),
  dataDir: z.string().min(1).optional().describe('default: a folder for temporary files that goes with the server'),
  maxStreams: z.number().int().min(1).max(64).default(1).describe('streams at a time'),
  dataInterval: seconds(60).default(0.333).describe('seconds between two segments of the data channel'),
  dataRecords: z.boolean().default(false).describe('records of the processor (context.data) go to the data channel too, as JSON'),
  healthCheckInterval: seconds(3600).default(5).describe('seconds between two looks at the parts of a running stream'),
  deadline: seconds(3600).default(10).describe('longest time for one frame, and for the function for the end of a stream, seconds'),
  onError: z.enum(['pass', 'withhold']).default('pass').describe('what becomes of a picture when its handler fails'),
  publisherTimeout: seconds(3600).nullable().default(null).describe('seconds without an answer of the other side of an outgoing channel'),
  subscriberTimeout: seconds(3600)
    .nullable()
    .default(null)
    .describe('seconds without a picture or sound of the input, or a byte of the control channel'),
  frameSkip: FrameSkipSettings.prefault({}),
  overlay: OverlaySettings.prefault({}),
  enableDefaultRoutes: z.boolean().default(true),
  routePrefix: prefix.default('/').describe('the routes of streams are there too'),
  pipeline: z.string().optional().describe('default: $PIPELINE, else byoc'),
  capabilityName: z.string().optional().describe('default: $CAPABILITY_NAME, else $MODEL_ID'),
  version: z.string().default('0.0.1').describe('what /app-version tells'),
  capability: z
    .union([z.literal(false), CapabilitySettings])
    .optional()
    .describe('false: no registration, whatever the environment says'),
  staticRoutes: z
    .array(z.strictObject({ prefix, path: z.string().min(1) }))
    .default([])
    .describe('folders with files for everybody who may watch'),
  cors: z.array(z.string()).default([]).describe('origins of pages that may use the routes'),
});
export type StreamProcessorSettings = z.output<typeof StreamProcessorSettings>;
export type StreamProcessorSettingsInput = z.input<typeof StreamProcessorSettings>;

/** Checked, complete settings. Throws `bad-value`, `unknown-key` with one sentence per problem. */
export function readSettings(input: StreamProcessorSettingsInput): StreamProcessorSettings {
  return parseInput(StreamProcessorSettings, input);
}

/** What of it is a setting of the server itself. */
export function serverConfigOf(settings: StreamProcessorSettings, server: ServerConfigInput, dataDir: string): ServerConfigInput {
  const { host, port, cors } = settings;
  const origins = [...(server.origins ?? []), ...cors];
  return {
    ...server,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(origins.length ? { origins } : {}),
    dataDir,
  };
}
