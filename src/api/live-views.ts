// Live views: which streams are looked at by which protocol, and the params that viewers get who say nothing themselves.
import { z } from 'zod';
import { Crop, Duration, LosslessOptions, StreamName, StreamState } from './schema.ts';

/** Ways in which a detector can be viewed. */
export const VIEW_PROTOCOLS = ['lossless', 'jpeg', 'mjpeg', 'webrtc', 'h264', 'hls'] as const;
export const ViewProtocol = z.enum(VIEW_PROTOCOLS);
export type ViewProtocol = z.infer<typeof ViewProtocol>;

/** Everything that can be set for viewers, whatever the protocol; each protocol uses some of it (`PARAMS_OF`). */
export const StreamParams = z.strictObject({
  fps: z.number().positive().max(240).nullable().describe('pictures per second at most; null = all'),
  compression: LosslessOptions.shape.compression,
  level: LosslessOptions.shape.level,
  filter: LosslessOptions.shape.filter,
  crop: Crop.nullable().describe('side of a square in the middle, or a region; null = the whole picture'),
  subsample: LosslessOptions.shape.subsample,
  binning: LosslessOptions.shape.binning,
  quality: z.number().int().min(5).max(100).describe('of JPEG'),
  width: z.number().int().min(16).max(8192).nullable().describe('pixels; null = as captured. Never scaled up'),
  bitrate: z.number().int().min(50_000).max(200_000_000).nullable().describe('bit/s; null = as the stream says'),
});
export type StreamParams = z.infer<typeof StreamParams>;
export type StreamParam = keyof StreamParams;

/** Values where nobody has said anything. */
export const DEFAULT_PARAMS: StreamParams = {
  fps: null,
  compression: 'zstd',
  level: 1,
  filter: true,
  crop: null,
  subsample: 1,
  binning: false,
  quality: 80,
  width: null,
  bitrate: null,
};

const PICTURES = { fps: true, quality: true, width: true } as const;
const VIDEO = { fps: true, width: true, bitrate: true } as const;

/** What of it each protocol uses; anything else is refused there. HLS shows what is kept: the stream's `encode`. */
export const PARAMS_OF = {
  lossless: StreamParams.pick({ fps: true, compression: true, level: true, filter: true, crop: true, subsample: true, binning: true }),
  jpeg: StreamParams.pick(PICTURES),
  mjpeg: StreamParams.pick(PICTURES),
  webrtc: StreamParams.pick(VIDEO),
  h264: StreamParams.pick(VIDEO),
  hls: StreamParams.pick({}),
} as const satisfies Record<ViewProtocol, z.ZodType>;

/** Where a value comes from: the built-in one, the server's configuration, what was set for the protocol, or for this detector. */
export const ParamOrigin = z.enum(['default', 'config', 'protocol', 'stream']);
export type ParamOrigin = z.infer<typeof ParamOrigin>;

/** Values as they hold, and for each where it comes from. */
export const EffectiveParams = z.object({
  protocol: ViewProtocol,
  stream: StreamName.nullable().describe('null: of the protocol, for detectors that have no values of their own'),
  values: StreamParams.partial(),
  from: z.record(z.string(), ParamOrigin),
});
export type EffectiveParams = z.infer<typeof EffectiveParams>;
/** Some of the params. */
export type ViewValues = EffectiveParams['values'];

/** starting: no frame yet · waiting: for its program · live · failed: see `reason`; it comes back when its source does */
export const LiveViewState = z.enum(['starting', 'waiting', 'live', 'failed']);

/** Answer of `GET /api/live-views/params`. */
export const ParamsDescription = EffectiveParams.extend({
  schema: z.record(z.string(), z.unknown()).describe('JSON Schema of the values'),
});
export type ParamsDescription = z.infer<typeof ParamsDescription>;

/** A live view that was started and not stopped. */
export const LiveView = z.object({
  stream: StreamName,
  protocol: ViewProtocol,
  since: z.number().describe('µs UTC'),
  state: LiveViewState,
  reason: z.string().nullable(),
  viewers: z.number(),
  by: z.enum(['request', 'source']).describe('who started it: somebody asked, or its source announced acquisition'),
});
export type LiveView = z.infer<typeof LiveView>;

export const LiveViewRequest = z.strictObject({
  stream: StreamName.optional().describe('default: the first active one, else the first detector'),
  protocol: ViewProtocol.optional().describe('default: what this stream had last, else lossless'),
  params: z.record(z.string(), z.unknown()).optional().describe('set for this detector'),
  force: z.boolean().optional().describe('although the exposure is long'),
});

export const LiveViewStop = z.strictObject({
  stream: StreamName.optional().describe('default: the first active one'),
  protocol: ViewProtocol.optional().describe('default: all of the stream'),
});

export const LongExposure = z.object({
  stream: StreamName,
  exposure: z.number().nullable().describe('ms; null = not known'),
  limit: z.number().describe('ms'),
  long: z.boolean().describe('a live view is started only with `force`; take a snapshot instead'),
  from: z.enum(['frame', 'config']).nullable(),
});
export type LongExposure = z.infer<typeof LongExposure>;

/** Answer of `GET /api/live-views`. */
export const LiveViewList = z.object({
  mode: z.enum(['shared', 'exclusive']),
  items: z.array(LiveView),
  detectors: z.array(LongExposure),
});
export type LiveViewList = z.infer<typeof LiveViewList>;

const Ages = z.object({ mean: z.number().nullable(), max: z.number().nullable() }).describe('ms, over the last 10 s');
const Shares = z.object({ p50: z.number().nullable(), p95: z.number().nullable() }).describe('ms');
const Counts = z.record(z.string(), z.number());

/** Figures of a detector by stage, in the order in which its frames pass them. */
export const StreamDiagnostics = z.object({
  stream: StreamName,
  state: StreamState,
  reason: z.string().nullable(),
  frame: z.object({ id: z.number(), timestamp: z.number() }).nullable(),
  capture: z.object({
    fps: z.number(),
    ageMs: Ages.describe('arrival after capture'),
    gaps: z.object({
      count: z.number(),
      missing: z.number().describe('frames, by capture times, since the stream was opened'),
      longestMs: z.number().nullable().describe('of the last minute'),
    }),
    intervalMs: z.number().nullable().describe('usual time between two captures'),
  }),
  encode: z.array(
    z.object({
      key: z.string(),
      fps: z.number(),
      encodeMs: Shares,
      ageMs: Ages.describe('encoded after capture'),
      dropped: Counts,
      failed: z.number(),
    }),
  ),
  send: z.array(
    z.object({
      output: z.string(),
      viewers: z.number(),
      fps: z.number().describe('of all viewers together'),
      ageMs: Ages.describe('handed to the network after capture'),
      skipped: Counts,
      inFlight: z.number(),
      shownMs: Shares.describe('glass to glass, as pages report it'),
    }),
  ),
});
export type StreamDiagnostics = z.infer<typeof StreamDiagnostics>;

/** Key `liveViews` of the configuration. */
export const LiveViewsConfig = z.strictObject({
  mode: z
    .enum(['shared', 'exclusive'])
    .default('shared')
    .describe('shared: all protocols at once; exclusive: one protocol at a time for each detector'),
  longExposure: Duration.default('2s').describe('above it a live view is started only with force'),
  params: z
    .strictObject({
      lossless: PARAMS_OF.lossless.partial().optional(),
      jpeg: PARAMS_OF.jpeg.partial().optional(),
      mjpeg: PARAMS_OF.mjpeg.partial().optional(),
      webrtc: PARAMS_OF.webrtc.partial().optional(),
      h264: PARAMS_OF.h264.partial().optional(),
    })
    .prefault({})
    .describe('params by protocol'),
});
export type LiveViewsConfig = z.infer<typeof LiveViewsConfig>;
