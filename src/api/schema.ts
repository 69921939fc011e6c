// The schemas of everything on the wire (CONTRACT), shared by server, command line, player and page. Parsed at the border, once.
import './without-eval.ts';
import { z } from 'zod';
import { DataItem, Marker, MarkerKind, MetricConfig, MetricName, MetricSample } from './timeline.ts';

/** Length of time on the wire: a number of seconds, or a string such as `500ms`, `30s`, `10m`, `2h`. */
export const Duration = z
  .union([
    z.number().nonnegative().describe('seconds'),
    z
      .string()
      .regex(/^\d+(\.\d+)?\s*(ms|s|m|min|h|d)$/, 'a number with a unit, such as 500ms, 30s, 10m or 2h')
      .describe('a number with a unit, such as 500ms, 30s, 10m or 2h'),
  ])
  .describe('seconds, or a number with a unit: 500ms, 30s, 10m, 2h');

/** Stream name (CONTRACT "Time and identity"). */
export const StreamName = z.string().regex(/^(?!\.+$)[A-Za-z0-9._-]{1,64}$/, '1 to 64 characters of A-Z a-z 0-9 . _ -');

const side = z.number().int().min(16).max(16_384);
const fps = z.number().positive().max(1000);

/** Synthetic test picture. */
export const PatternParams = z
  .object({
    kind: z.enum(['checkerboard', 'testbars', 'microscope', 'noise']).default('checkerboard').describe('what is drawn'),
    width: side.default(1280).describe('pixels'),
    height: side.default(720).describe('pixels'),
    fps: fps.default(30).describe('frames per second'),
    barcode: z.boolean().default(true).describe('frame id and capture time as barcode v1 along the top edge'),
    seed: z.number().int().min(0).max(0xffffffff).default(1).describe('start of the random numbers'),
    vary: z
      .tuple([z.number().positive().max(10_000), z.number().positive().max(10_000)])
      .optional()
      .describe('shortest and longest interval in ms, drawn at random, instead of a constant rate'),
    drop: z.number().min(0).max(0.99).default(0).describe('share of frames left out'),
    gap: z.strictObject({ every: Duration, length: Duration }).optional().describe('no frames for `length`, once in each `every`'),
  })
  .strict();

/** Anything that FFmpeg can read. */
export const FfmpegParams = z
  .object({
    url: z.string().min(1).describe('file, rtsp://, rtmp://, srt://, http(s)://, camera, camera:0, camera:NAME, or lavfi:GRAPH'),
    loop: z.boolean().default(true).describe('start a file again at its end; the clock goes on'),
    size: z
      .string()
      .regex(/^\d+x\d+$/, 'WIDTHxHEIGHT in pixels, such as 1280x720')
      .optional()
      .describe('asked of a camera; other inputs are scaled to it'),
    fps: fps.optional().describe('asked of a camera; other inputs are thinned out to it'),
    rotate: z
      .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)])
      .default(0)
      .describe('degrees clockwise, on top of what the file says'),
    flip: z.enum(['none', 'horizontal', 'vertical']).default('none'),
    transport: z.enum(['tcp', 'udp']).default('tcp').describe('RTSP transport'),
    options: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .default({})
      .describe('FFmpeg demuxer and protocol options'),
  })
  .strict();

/** Frames that a program pushes over HTTP, WebSocket or the library. */
export const PushParams = z
  .object({
    clock: z
      .enum(['utc', 'arrival'])
      .default('utc')
      .describe('utc: the times that come with the frames hold; arrival: the time of arrival does'),
  })
  .strict();

/** Parameters by source type. A new source is one row here and one row in sources/index.ts. */
export const SOURCE_PARAMS = { pattern: PatternParams, ffmpeg: FfmpegParams, push: PushParams } as const;
export type SourceType = keyof typeof SOURCE_PARAMS;

export const SourceConfig = z.discriminatedUnion('type', [
  PatternParams.extend({ type: z.literal('pattern') }),
  FfmpegParams.extend({ type: z.literal('ffmpeg') }),
  PushParams.extend({ type: z.literal('push') }),
]);
export type SourceConfig = z.infer<typeof SourceConfig>;

/** Settings of the stream's H.264 rendition. */
export const EncodeConfig = z.strictObject({
  bitrate: z.number().int().min(50_000).max(200_000_000).optional().describe('bits per second; default by picture size'),
  gop: Duration.optional().describe('longest time between key frames, at most 2 s'),
  preset: z
    .string()
    .regex(/^[a-z0-9_-]{1,20}$/)
    .optional()
    .describe('FFmpeg encoder preset, default ultrafast'),
  encoder: z
    .string()
    .regex(/^[a-z0-9_]{1,40}$/)
    .optional()
    .describe('FFmpeg encoder name, default libx264'),
  size: z
    .string()
    .regex(/^\d+x\d+$/, 'WIDTHxHEIGHT in pixels')
    .optional()
    .describe('size of the encoded picture, default that of the source'),
  options: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe('FFmpeg encoder options by name'),
});
export type EncodeConfig = z.infer<typeof EncodeConfig>;

/** What is kept for going back in time. */
export const DvrConfig = z.strictObject({
  mode: z
    .enum(['off', 'watched', 'always'])
    .default('watched')
    .describe('watched: while somebody watches or pushes; always: keeps the source awake'),
  window: Duration.default('10m').describe('how far back'),
  maxBytes: z.number().int().min(1_000_000).optional().describe('bytes on disk for this stream'),
  keep: z
    .strictObject({
      kinds: z.array(MarkerKind).min(1).max(50).describe('kinds of markers; * = all'),
      before: Duration.default('10s'),
      after: Duration.default('10s'),
    })
    .optional()
    .describe('spans round such markers stay when the window has moved on, as long as `maxBytes` allows'),
});
export type DvrConfig = z.infer<typeof DvrConfig>;

/** A processor of a stream: user code or a built-in that looks at each frame. */
export const ProcessorConfig = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe('default: the name of what it uses'),
  use: z.string().min(1).max(200).describe('name of a built-in'),
  params: z.record(z.string(), z.unknown()).default({}),
});
export type ProcessorConfig = z.infer<typeof ProcessorConfig>;

/** Body of `PUT /api/streams/{stream}`. */
export const StreamConfig = z.strictObject({
  title: z.string().max(200).optional(),
  description: z.string().max(2000).optional(),
  pixelSize: z.number().positive().optional().describe('µm'),
  source: SourceConfig.default({ type: 'push', clock: 'utc' }),
  processors: z.array(ProcessorConfig).max(16).default([]).describe('look at the frames; what they find lands on the timeline'),
  encode: EncodeConfig.default({}),
  metrics: z.record(MetricName, MetricConfig).default({}).describe('units, labels and axes of metrics by name'),
  dvr: DvrConfig.prefault({}),
  linger: Duration.default('5s').describe('how long encoders and the source go on after the last viewer has left'),
});
export type StreamConfig = z.infer<typeof StreamConfig>;
export type StreamConfigInput = z.input<typeof StreamConfig>;

/** waiting: for its program · asleep: nobody watches · starting · live · lost: no frame for 10 s · failed: see `reason`, tried again · stopped */
export const StreamState = z.enum(['waiting', 'asleep', 'starting', 'live', 'lost', 'failed', 'stopped']);
export type StreamState = z.infer<typeof StreamState>;

export const QueueStats = z.object({
  name: z.string(),
  policy: z.string(),
  limit: z.number(),
  depth: z.number(),
  offered: z.number(),
  taken: z.number(),
  dropped: z.number(),
});

const Percentiles = z.object({ p50: z.number().nullable(), p95: z.number().nullable() }).describe('ms');

export const StreamStats = z.object({
  state: StreamState,
  fps: z.number().describe('captured frames per second over the last seconds'),
  ledger: z
    .object({
      captured: z.number().describe('frames that a source made or a program pushed'),
      refused: z.record(z.string(), z.number()).describe('by reason'),
      dropped: z.record(z.string(), z.number()).describe('before any encoder, by stage'),
      published: z.number().describe('frames that reached the ring: captured = refused + dropped + published'),
    })
    .describe('the fate of every frame'),
  ring: z.object({ slots: z.number(), slotBytes: z.number(), bytes: z.number() }).nullable(),
  renditions: z.array(
    z.object({
      key: z.string(),
      codec: z.string(),
      width: z.number(),
      height: z.number(),
      running: z.boolean(),
      readers: z.number(),
      offered: z.number().describe('frames published while it ran: offered = dropped + encoded + failed + inFlight'),
      dropped: z.record(z.string(), z.number()).describe('by policy'),
      encoded: z.number(),
      failed: z.number(),
      inFlight: z.number(),
      repeats: z.number(),
      keyframes: z.number(),
      bytes: z.number(),
      bitrate: z.number().describe('bit/s over the last seconds'),
      fps: z.number(),
      encodeMs: Percentiles,
      latencyMs: Percentiles.describe('capture to encoded, ms'),
    }),
  ),
  outputs: z.record(
    z.string(),
    z.object({
      viewers: z.number(),
      offered: z.number().describe('offered = sent + skipped + inFlight'),
      sent: z.number(),
      skipped: z.record(z.string(), z.number()).describe('by policy'),
      inFlight: z.number(),
      bytes: z.number(),
      queues: z.array(QueueStats),
      shownMs: Percentiles.describe('glass to glass as pages report it, ms'),
    }),
  ),
  dvr: z.object({ bytes: z.number(), segments: z.number(), start: z.number().nullable(), end: z.number().nullable() }),
});
export type StreamStats = z.infer<typeof StreamStats>;

/** An item of `GET /api/streams` and the answer of `GET /api/streams/{stream}`. */
export const StreamInfo = z.object({
  name: StreamName,
  title: z.string(),
  description: z.string(),
  pixelSize: z.number().nullable(),
  state: StreamState,
  reason: z.string().nullable().describe('why it failed, is lost or waits, in a sentence'),
  readOnly: z.boolean().describe('defined in the configuration file'),
  config: StreamConfig,
  format: z.string().nullable(),
  width: z.number().nullable(),
  height: z.number().nullable(),
  dtype: z.string().nullable().describe('numpy name: uint8, uint16, float32'),
  shape: z.array(z.number()).nullable().describe('numpy shape: [height, width] or [height, width, channels]'),
  fps: z.number(),
  viewers: z.number(),
  lastFrame: z.object({ id: z.number(), timestamp: z.number() }).nullable(),
  dvr: z.object({ bytes: z.number(), start: z.number().nullable(), end: z.number().nullable() }),
});
export type StreamInfo = z.infer<typeof StreamInfo>;

/** Answer of `POST /api/streams/{stream}/frames` and the `ack` and `drop` messages of its socket. */
export const FrameReceipt = z.object({ id: z.number(), timestamp: z.number(), dropped: z.string().optional() });
export type FrameReceipt = z.infer<typeof FrameReceipt>;

/** `GET /live/{stream}/timeline.json`: frames as columns; `pts` and `timestamp` are differences to the row before (first: absolute). */
export const Timeline = z.object({
  stream: StreamName,
  now: z.number().describe('server UTC, µs'),
  start: z.number().nullable().describe('first capture time that is kept, µs'),
  end: z.number().nullable().describe('last capture time, µs'),
  frames: z.object({
    pts: z.array(z.number()).describe('90 kHz ticks since the Unix epoch'),
    id: z.array(z.number()).describe('difference to the row before'),
    timestamp: z.array(z.number()).describe('µs'),
    repeat: z.array(z.number()).describe('positions of rows that show the frame before once more'),
  }),
  segments: z
    .array(z.object({ sequence: z.number(), start: z.number(), end: z.number(), discontinuity: z.boolean() }))
    .describe('capture times, µs'),
  gaps: z.array(z.object({ start: z.number(), end: z.number(), reason: z.string() })),
  truncated: z.boolean().describe('more frames exist after the last row: ask again from there'),
});
export type Timeline = z.infer<typeof Timeline>;

/** Messages of `WS /api/events` from the server (text). Thumbnails are binary: frame header + JPEG, stream name in its metadata. */
export const ServerEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), now: z.number().describe('server UTC, µs'), version: z.string() }),
  z.object({ type: z.literal('pong'), t: z.number().describe('as sent'), now: z.number() }),
  z.object({ type: z.literal('state'), stream: StreamName, info: StreamInfo.nullable().describe('null: the stream is gone') }),
  z.object({ type: z.literal('frame'), stream: StreamName, id: z.number(), timestamp: z.number() }),
  z.object({ type: z.literal('stats'), stream: StreamName, stats: StreamStats }),
  z.object({ type: z.literal('params'), stream: StreamName, values: z.record(z.string(), z.unknown()), frame: z.number() }),
  z.object({ type: z.literal('metric'), stream: StreamName, samples: z.array(MetricSample) }),
  z.object({ type: z.literal('marker'), stream: StreamName, action: z.enum(['set', 'remove']), marker: Marker }),
  z.object({ type: z.literal('data'), stream: StreamName, items: z.array(DataItem) }),
  z
    .object({
      type: z.literal('skipped'),
      stream: StreamName,
      types: z.array(z.string()),
      from: z.number().describe('capture time, µs'),
      to: z.number().describe('capture time, µs'),
      count: z.number(),
      reason: z.string(),
    })
    .describe('what this client did not get: ask the REST interface for it'),
  z.object({ type: z.literal('error'), problem: z.record(z.string(), z.unknown()) }),
]);
export type ServerEvent = z.infer<typeof ServerEvent>;

export const EVENT_TYPES = ['state', 'frame', 'stats', 'params', 'metric', 'marker', 'data'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Messages of `WS /api/events` from the client. */
export const ClientEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribe'), streams: z.array(StreamName).optional(), types: z.array(z.enum(EVENT_TYPES)) }),
  z.object({
    type: z.literal('thumbnails'),
    streams: z.array(StreamName).max(100).describe('all streams whose thumbnails are wanted from now on'),
    width: z.number().int().min(32).max(640).default(320),
    fps: z.number().positive().max(15).default(5),
  }),
  z.object({ type: z.literal('ping'), t: z.number() }),
]);
export type ClientEvent = z.infer<typeof ClientEvent>;

/** Messages of the media sockets from the viewer (CONTRACT "Text messages on the media sockets"). */
export const ViewerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ack'), id: z.number() }),
  z.object({
    type: z.literal('set'),
    quality: z.number().int().min(5).max(100).optional(),
    width: z.number().int().min(16).max(8192).nullable().optional(),
    fps: z.number().positive().max(240).nullable().optional(),
  }),
  z.object({ type: z.literal('shown'), id: z.number(), latencyMs: z.number() }),
]);
export type ViewerMessage = z.infer<typeof ViewerMessage>;
