// The schemas of everything on the wire (CONTRACT), shared by server, command line, player and page. Parsed at the border, once.
import './without-eval.ts';
import { z } from 'zod';
import { parseDuration } from '../core/time.ts';
import { COLOR_MAPS, DEFAULT_VIEW } from '../core/view.ts';
import { SOURCE_PART } from './params.ts';
import { RecordingId } from './recordings.ts';
import { Box, DataItem, Marker, MarkerKind, MetricConfig, MetricName, MetricSample } from './timeline.ts';

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

/** Pictures of another stream of this server. */
export const StreamParams = z
  .object({
    stream: StreamName.describe('name of the other stream'),
    unprocessed: z.boolean().default(false).describe('as they were captured, before any processor'),
  })
  .strict();

/** Synthetic test picture. */
export const PatternParams = z
  .object({
    kind: z.enum(['checkerboard', 'testbars', 'microscope', 'noise', 'squares']).default('checkerboard').describe('what is drawn'),
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
    audio: z
      .boolean()
      .default(false)
      .describe('each whole second of capture time a beep (1 kHz, 100 ms) and a white square in the lower right corner'),
    tone: z.number().min(0).max(20_000).default(0).describe('with audio: a quiet steady tone beside the beeps, Hz; 0 = none'),
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
    maxFps: fps.optional().describe('any input is thinned out to it; asked of no camera'),
    rotate: z
      .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)])
      .default(0)
      .describe('degrees clockwise, on top of what the file says'),
    flip: z.enum(['none', 'horizontal', 'vertical']).default('none'),
    transport: z.enum(['tcp', 'udp']).default('tcp').describe('RTSP transport'),
    audio: z.boolean().default(true).describe('its sound too, where it has some; what has no pictures is played alone'),
    options: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .default({})
      .describe('FFmpeg demuxer and protocol options'),
  })
  .strict();

const TrickleFields = {
  url: z
    .string()
    .max(2000)
    .regex(
      /^(https?:\/\/[^\s]+|(?!\.+$)[A-Za-z0-9._-]{1,64})$/,
      'http:// or https:// address of a channel, or the name of one of this server',
    )
    .describe('address of a channel (http://host/path/name), or the name of one of this server'),
  start: z
    .number()
    .int()
    .min(-2)
    .default(-2)
    .describe('first segment: -2 the one being written, from its first byte; -1 the next to begin; or its number'),
  width: side.optional().describe('pixels, together with height: pictures are scaled to cover this size and cut evenly at two sides'),
  height: side.optional().describe('pixels, together with width'),
  fps: fps.optional().describe('pictures are thinned out to it by their times'),
  audio: z.boolean().default(true).describe('its sound too'),
};
/** Half a size is none. */
const bothSides = ({ width, height }: { width?: number | undefined; height?: number | undefined }) =>
  (width === undefined) === (height === undefined);
const BOTH_SIDES = { path: ['height'], message: 'must be given together with width' };

/** A channel of a trickle server. */
export const TrickleParams = z.strictObject(TrickleFields).refine(bothSides, BOTH_SIDES);

/** Plays a recording, or another multi-page TIFF or MP4, as if its frames came now. */
export const RecordingParams = z
  .object({
    recording: RecordingId.optional().describe('id of a recording of this server; or `file`'),
    file: z.string().min(1).optional().describe('OME-TIFF, multi-page TIFF (8, 16 bits or float, uncompressed or deflate) or MP4'),
    loop: z.boolean().default(true).describe('start again at the end; with times `original` it is played once'),
    speed: z.number().min(0.01).max(100).default(1).describe('1 = as fast as it was recorded'),
    times: z.enum(['now', 'original']).default('now').describe('capture times of the frames: the present ones, or those of the recording'),
    fps: fps.default(30).describe('of files that say nothing about times'),
  })
  .strict();

/** Frames that a program pushes over HTTP, WebSocket or the library. */
export const PushParams = z
  .object({
    clock: z
      .enum(['utc', 'device', 'arrival'])
      .default('utc')
      .describe(
        'utc: the times that come with the frames hold; device: the deviceTimestamp of each frame, mapped to UTC; arrival: the time of arrival',
      ),
  })
  .strict();

/** No source: the first processor makes the pictures (`generate`), while somebody needs them. */
export const GenerateParams = z.object({}).strict();

/** Parameters by source type. A new source is one row here and one row in sources/index.ts. */
export const SOURCE_PARAMS = {
  pattern: PatternParams,
  ffmpeg: FfmpegParams,
  recording: RecordingParams,
  stream: StreamParams,
  generate: GenerateParams,
  trickle: TrickleParams,
  push: PushParams,
} as const;
export type SourceType = keyof typeof SOURCE_PARAMS;

export const SourceConfig = z.discriminatedUnion('type', [
  PatternParams.extend({ type: z.literal('pattern') }),
  FfmpegParams.extend({ type: z.literal('ffmpeg') }),
  RecordingParams.extend({ type: z.literal('recording') }),
  StreamParams.extend({ type: z.literal('stream') }),
  GenerateParams.extend({ type: z.literal('generate') }),
  z.strictObject({ ...TrickleFields, type: z.literal('trickle') }).refine(bothSides, BOTH_SIDES),
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

/** A trickle channel on another server into which the stream goes. */
export const PublishConfig = z.strictObject({
  url: z
    .string()
    .max(2000)
    .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).pathname.length > 1, {
      message: 'expected the http or https address of a channel, such as https://gateway.example/trickle/cam',
    })
    .describe('address of the channel: http or https'),
  bitrate: z.number().int().min(50_000).max(200_000_000).optional().describe('bits per second; default: as everybody gets the stream'),
  gop: Duration.refine((gop) => (typeof gop === 'string' ? parseDuration(gop, 'gop') : gop * 1000) >= 200, 'expected 200 ms or more')
    .refine((gop) => (typeof gop === 'string' ? parseDuration(gop, 'gop') : gop * 1000) <= 20_000, 'expected 20 s or less')
    .default('2s')
    .describe('length of a segment, 200 ms to 20 s; each begins with a key frame'),
  audio: z.enum(['opus', 'aac', 'none']).default('opus').describe('codec of the sound, where the stream has some'),
  size: z
    .string()
    .regex(/^\d+x\d+$/, 'WIDTHxHEIGHT in pixels')
    .optional()
    .describe('size of the picture, default that of the stream'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,4096}$/, 'printable characters without spaces')
    .optional()
    .describe('sent as Authorization: Bearer …'),
});
export type PublishConfig = z.infer<typeof PublishConfig>;

/** How 16-bit and float frames become lossy pictures (H.264, JPEG); 8-bit frames are shown as they are. Changes act at once. */
export const ViewConfig = z.strictObject({
  window: z
    .union([
      z.enum(['auto', 'full']),
      z
        .strictObject({ low: z.number(), high: z.number() })
        .refine(({ low, high }) => low < high, { path: ['high'], message: 'must be above low' }),
      z.strictObject({ shift: z.number().int().min(0).max(8) }),
    ])
    .default(DEFAULT_VIEW.window)
    .describe(
      'values from black to white: auto follows the picture; full: 0 to the largest of the significant bits; low and high; or shift: so many low bits are left out and the next eight kept',
    ),
  clip: z.number().min(0).max(25).default(DEFAULT_VIEW.clip).describe('auto: percent of the pixels that may lie outside at each end'),
  follow: z
    .number()
    .gt(0)
    .max(1)
    .default(DEFAULT_VIEW.follow)
    .describe('auto: part of the way that the window goes with each picture; 1 = at once'),
  gamma: z.number().min(0.1).max(10).default(DEFAULT_VIEW.gamma).describe('above 1 lifts what is dark'),
  map: z.enum(COLOR_MAPS).default(DEFAULT_VIEW.map).describe('colours of gray pictures'),
  saturated: z.boolean().default(DEFAULT_VIEW.saturated).describe('gray pixels at the largest value are red'),
});
export type ViewConfig = z.infer<typeof ViewConfig>;

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
      kinds: z
        .array(z.union([MarkerKind, z.literal('*')]))
        .min(1)
        .max(50)
        .describe('kinds of markers; * = all'),
      before: Duration.default('10s'),
      after: Duration.default('10s'),
    })
    .optional()
    .describe('spans round such markers stay when the window has moved on, as long as `maxBytes` allows'),
});
export type DvrConfig = z.infer<typeof DvrConfig>;

const Region = z
  .strictObject({
    x: z.number().int().min(0).max(16_383),
    y: z.number().int().min(0).max(16_383),
    w: z.number().int().min(1).max(16_384),
    h: z.number().int().min(1).max(16_384),
  })
  .describe('part of the picture in source pixels, 0-based from the top left; default: all of it');

const channel = z.number().int().min(0).max(255);
const frames = z.number().int().min(1).max(1000);

/** How a processor makes spans of what it sees. */
const spans = (kind: string, label: string) => ({
  kind: MarkerKind.default(kind).meta({ description: 'kind of the markers', group: 'Markers' }),
  label: z.string().max(500).default(label).meta({ description: 'text of the markers', group: 'Markers' }),
  confirm: frames.default(1).meta({
    description: 'frames in a row that must show it; the span then begins with the first of them',
    group: 'Markers',
    unit: 'frames',
    control: 'number',
  }),
  release: frames.default(1).meta({
    description: 'frames in a row that must not show it; the span then ends with the last that did',
    group: 'Markers',
    unit: 'frames',
    control: 'number',
  }),
  split: Duration.default('2s').meta({ description: 'between frames that lie further apart it is taken for two events', group: 'Markers' }),
});

/** Finds a patch of one colour: one marker per event. The defaults find the mint square of the checkerboard. */
export const ColorPatchParams = z.strictObject({
  color: z.tuple([channel, channel, channel]).default([62, 222, 160]).meta({ description: 'red, green, blue, 0 to 255', control: 'color' }),
  tolerance: z.number().min(0).max(255).default(24).describe('largest difference in each of the three'),
  region: Region.optional(),
  minShare: z.number().gt(0).max(1).default(0.002).describe('least share of the region that the patch covers'),
  minFill: z.number().gt(0).max(1).default(0.5).describe('least share of its own bounding box that the patch fills'),
  boxes: z.boolean().default(false).describe('a data record with the box for each frame that shows it, drawn over the picture'),
  ...spans('patch', 'patch'),
});

/** Share of changed pixels: metric `motion`, 0 to 1; with a threshold markers too. */
export const MotionParams = z.strictObject({
  region: Region.optional(),
  sensitivity: z.number().gt(0).max(1).default(0.06).describe('share of the full scale by which a pixel must differ'),
  threshold: z.number().gt(0).max(1).optional().describe('share of changed pixels at which a span begins; without it no markers'),
  below: z.number().min(0).max(1).optional().describe('share below which it is over, default half of `threshold`'),
  ...spans('motion', 'motion'),
});

/** Metrics `brightness` (mean), `brightness.p1`, `brightness.p99` in the unit of the samples, and `saturated` (share). */
export const BrightnessParams = z.strictObject({ region: Region.optional() });

/** Metric `focus`: variance of the Laplacian. */
export const FocusParams = z.strictObject({ region: Region.optional() });

/** Metrics `histogram` (counts), and `histogram.low`, `.high`, `.min`, `.max`, `.mean`. */
export const HistogramParams = z
  .strictObject({
    region: Region.optional(),
    bins: z.number().int().min(2).max(1024).default(256),
    low: z.number().optional().describe('first level of the first bin; default 0, of floats the least that occurs'),
    high: z.number().optional().describe('last level of the last bin; default the largest of the significant bits'),
  })
  .refine(({ low, high }) => low === undefined || high === undefined || low < high, { path: ['high'], message: 'must be above low' });

/** Parameters by processor. A new built-in is one row here and one row in processors/index.ts. */
export const PROCESSOR_PARAMS = {
  'color-patch': ColorPatchParams,
  motion: MotionParams,
  brightness: BrightnessParams,
  focus: FocusParams,
  histogram: HistogramParams,
} as const;
/** Names of the finders: they look at frames and change none. */
export type FinderName = keyof typeof PROCESSOR_PARAMS;
export type ProcessorName = FinderName;

const processorId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,32}$/, '1 to 32 characters of A-Z a-z 0-9 . _ -')
  .optional()
  .describe('default: what it uses. An id of its own stands before the names of its metrics and the ids of its markers: `left:motion`');

/** Looks at the frames, beside the picture's way. */
export const FinderConfig = z.discriminatedUnion('use', [
  z.strictObject({ id: processorId, use: z.literal('color-patch'), params: ColorPatchParams.prefault({}) }),
  z.strictObject({ id: processorId, use: z.literal('motion'), params: MotionParams.prefault({}) }),
  z.strictObject({ id: processorId, use: z.literal('brightness'), params: BrightnessParams.prefault({}) }),
  z.strictObject({ id: processorId, use: z.literal('focus'), params: FocusParams.prefault({}) }),
  z.strictObject({ id: processorId, use: z.literal('histogram'), params: HistogramParams.prefault({}) }),
]);
export type FinderConfig = z.infer<typeof FinderConfig>;

/** Which frames a processor gets. */
export const FlowConfig = z
  .union([z.enum(['latest', 'every']), z.strictObject({ parallel: z.number().int().min(1).max(16) })])
  .describe('latest: the newest one waits alone; every: all in order through a queue; { parallel: N }: N at a time, out in order');

/** Stands in the way of the picture: may change, replace, withhold or multiply it. */
export const InlineConfig = z.strictObject({
  id: processorId,
  use: z
    .string()
    .min(1)
    .max(4096)
    .refine((use) => !Object.hasOwn(PROCESSOR_PARAMS, use))
    .describe('a name, or in the configuration file ./FILE of your own'),
  params: z.record(z.string(), z.unknown()).default({}),
  flow: FlowConfig.default('latest'),
  fps: fps.optional().describe('frames per second that it gets at most; the others are left out'),
  queue: z.number().int().min(1).max(32).optional().describe('frames that may wait; default 8 with every, N with parallel'),
  deadline: Duration.default('1.5s').describe('longest time for one frame; then it is given up, and the processor started again'),
  onError: z.enum(['pass', 'withhold']).default('pass').describe('what becomes of the picture when it fails or is not there'),
  loading: z
    .enum(['overlay', 'pass', 'withhold'])
    .default('overlay')
    .describe('what becomes of the picture while it is being loaded; overlay: progress is drawn over it'),
  memory: z.number().int().min(32).max(1_048_576).default(1024).describe('MB that its thread may use'),
  beside: z.boolean().default(false).describe('it looks at the frames only, and the picture does not wait for it'),
});
export type InlineConfig = z.infer<typeof InlineConfig>;

/** A processor of a stream. */
export const ProcessorConfig = z.union([FinderConfig, InlineConfig]);
export type ProcessorConfig = z.infer<typeof ProcessorConfig>;

/** Whether it is one of the finders that come with the program. */
export function isFinder(config: ProcessorConfig): config is FinderConfig {
  return Object.hasOwn(PROCESSOR_PARAMS, config.use);
}

/** Id of a processor in its stream: that of the configuration, else what it uses; of a file its name. */
export function processorIdOf({ id, use }: { readonly id?: string | undefined; readonly use: string }): string {
  if (id !== undefined) return id;
  const name = use.slice(Math.max(use.lastIndexOf('/'), use.lastIndexOf('\\')) + 1);
  return (name === use ? use : name.replace(/\.\w+$/, '')).replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 32);
}

const Processors = z
  .array(ProcessorConfig)
  .max(16)
  .superRefine((processors, context) => {
    const ids = processors.map(processorIdOf);
    for (const [index, id] of ids.entries()) {
      const first = ids.indexOf(id) === index;
      if (first && id !== SOURCE_PART) continue;
      context.addIssue({
        code: 'custom',
        path: [index, 'id'],
        input: id,
        message: first
          ? `${SOURCE_PART} is what the stream's own source is called; expected another id`
          : `two processors with the id ${id}; give this one an id of its own`,
      });
    }
  });

/** Body of `PUT /api/streams/{stream}`. */
export const StreamConfig = z.strictObject({
  title: z.string().max(200).optional(),
  description: z.string().max(2000).optional(),
  pixelSize: z.number().positive().optional().describe('µm'),
  source: SourceConfig.default({ type: 'push', clock: 'utc' }),
  processors: Processors.default([]).describe('look at the frames or change them, in this order; what they find lands on the timeline'),
  encode: EncodeConfig.default({}),
  view: ViewConfig.prefault({}).describe('how 16-bit and float frames are shown in lossy pictures'),
  publish: z
    .array(PublishConfig)
    .max(8)
    .default([])
    .describe('trickle channels on other servers into which it goes as long as it exists; its source stays awake'),
  metrics: z.record(MetricName, MetricConfig).default({}).describe('units, labels and axes of metrics by name'),
  dvr: DvrConfig.prefault({}),
  detector: z.boolean().default(true).describe('a live view that names no stream may choose it'),
  exposure: z.number().positive().optional().describe('ms; for frames that do not say it in their metadata (`exposure`)'),
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

/** The fate of every block of sound, and its renditions. */
const AudioStats = z.object({
  rate: z.number().describe('Hz'),
  channels: z.number(),
  layout: z.string(),
  format: z.string(),
  captured: z.number().describe('blocks that a source made or a program pushed: captured = refused + dropped + published'),
  refused: z.record(z.string(), z.number()).describe('by reason'),
  dropped: z.record(z.string(), z.number()),
  published: z.number(),
  heard: z.number().describe('blocks that came out of the processors in their way; published, where there are none'),
  samples: z.number().describe('of each channel that were heard'),
  blocksPerSecond: z.number(),
  samplesPerSecond: z.number(),
  queues: z.array(QueueStats),
  renditions: z.array(
    z.object({
      codec: z.string(),
      rate: z.number().nullable(),
      channels: z.number().nullable(),
      running: z.boolean(),
      readers: z.number(),
      offered: z.number().describe('blocks: offered = dropped + encoded + failed + inFlight'),
      dropped: z.number(),
      encoded: z.number(),
      failed: z.number(),
      inFlight: z.number(),
      packets: z.number(),
      bytes: z.number(),
      bitrate: z.number().describe('bit/s over the last seconds'),
      encodeMs: Percentiles,
      latencyMs: Percentiles.describe('capture to encoded, ms'),
    }),
  ),
});

const HistogramCounts = z.object({
  buckets: z
    .array(z.tuple([z.number().nullable(), z.number()]).readonly())
    .readonly()
    .describe('upper end (null = none), values up to it'),
  sum: z.number(),
  count: z.number(),
});

export const StreamStats = z.object({
  state: StreamState,
  fps: z.number().describe('captured frames per second over the last seconds'),
  ledger: z
    .object({
      captured: z.number().describe('frames that a source made or a program pushed'),
      refused: z.record(z.string(), z.number()).describe('by reason'),
      dropped: z.record(z.string(), z.number()).describe('before any encoder, by stage'),
      published: z.number().describe('frames that reached the ring: captured = refused + dropped + published'),
      shown: z.number().describe('frames that viewers can see: those published, or what the processors in their way made of them'),
    })
    .describe('the fate of every frame'),
  clock: z
    .object({
      offset: z.number().describe('UTC minus device time now, µs'),
      driftPpm: z.number().nullable().describe('how much too fast the device clock runs; null while too little was seen'),
      residualMs: z.number().describe('mean distance of the least delayed frames from the mapping'),
      steps: z.number().describe('how often the device clock was set, since the server started'),
      frames: z.number().describe('frames that this mapping has seen'),
    })
    .optional()
    .describe('mapping of a camera clock to UTC, where deviceTimestamp comes with the frames'),
  audio: AudioStats.optional().describe('of streams with sound'),
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
  processors: z.array(
    z.object({
      id: z.string(),
      use: z.string(),
      place: z.enum(['inline', 'beside']).describe('inline: in the way of the picture'),
      running: z.boolean(),
      state: z.enum(['off', 'loading', 'running', 'failed']).describe('failed: not there, see error; tried again by itself'),
      progress: z
        .object({ message: z.string(), share: z.number().nullable().describe('0 to 1') })
        .nullable()
        .describe('while it is being loaded'),
      flow: z.string().describe('latest, every, parallel N'),
      queue: z.object({ depth: z.number(), limit: z.number() }),
      offered: z.number().describe('frames that came: offered = processed + passed + withheld + dropped + failed + inFlight'),
      processed: z.number(),
      passed: z.number().describe('let through as they were'),
      withheld: z.number().describe('not to be shown'),
      dropped: z
        .record(z.string(), z.number())
        .describe('latest, newest: a newer one came first; queue-full; thinned: left out by fps; ring: no memory; stopped; seen before'),
      failed: z.number(),
      faults: z.record(z.string(), z.number()).describe('failed by what happened: error, timeout, crash'),
      inFlight: z.number(),
      fps: z.number(),
      waitMs: Percentiles.describe('time in the queue, ms'),
      processMs: Percentiles.describe('time for one frame, ms'),
      latencyMs: Percentiles.describe('capture to finding or picture, ms'),
      waits: HistogramCounts.nullable().describe('time in the queue, s'),
      runs: HistogramCounts.nullable().describe('time for one frame, s'),
      sound: z
        .object({
          offered: z.number().describe('blocks of sound, as for frames'),
          processed: z.number(),
          passed: z.number(),
          withheld: z.number(),
          dropped: z.record(z.string(), z.number()),
          failed: z.number(),
          inFlight: z.number(),
          processMs: Percentiles.describe('time for one block, ms'),
        })
        .nullable()
        .optional()
        .describe('of processors that have had sound'),
      parts: z
        .record(z.string(), z.object({ ms: Percentiles, runs: HistogramCounts.describe('s') }))
        .describe('parts of that time as the processor tells them; of a model pre, run, post'),
      metrics: z.number().describe('values found'),
      markers: z.number().describe('markers begun'),
      restarts: z.number(),
      error: z.string().nullable().describe('what went wrong last, in a sentence'),
      errorAt: z.number().nullable().describe('when, server UTC, µs'),
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
  metrics: z
    .object({
      accepted: z.number().describe('samples since the start of the server'),
      dropped: z.number().describe('samples that found no place in the queue'),
    })
    .optional(),
  dvr: z.object({ bytes: z.number(), segments: z.number(), start: z.number().nullable(), end: z.number().nullable() }),
});
export type StreamStats = z.infer<typeof StreamStats>;

/** One end of a trickle channel. */
export const TrickleLink = z.object({
  channel: z.string().describe('address or name, without secrets'),
  own: z.boolean().describe('a channel of this server'),
  state: z
    .enum(['asleep', 'connecting', 'live', 'waiting', 'ended'])
    .describe('asleep: nobody needs it now; waiting: not connected, tried again by itself, see error; ended: closed by the other side'),
  seq: z.number().nullable().describe('number of the segment at hand; null before the first'),
  began: z.number().nullable().describe('when that segment began, server UTC, µs'),
  segments: z.number().describe('whole ones'),
  bytes: z.number(),
  dropped: z.number().describe('segments that were given up or missed'),
  reconnects: z.number(),
  readers: z.number().nullable().describe('of a channel of this server'),
  error: z.string().nullable().describe('newest failure in a sentence; null: none'),
});
export type TrickleLink = z.infer<typeof TrickleLink>;

/** An item of `GET /api/streams` and the answer of `GET /api/streams/{stream}`. */
export const StreamInfo = z.object({
  name: StreamName,
  title: z.string(),
  description: z.string(),
  pixelSize: z.number().nullable(),
  state: StreamState,
  reason: z.string().nullable().describe('why it failed, is lost or waits, in a sentence'),
  readOnly: z.boolean().describe('defined in the configuration file'),
  companionOf: StreamName.optional().describe('made by the server to show the unprocessed pictures of this stream; in no list'),
  companion: StreamName.optional().describe('stream that shows its unprocessed pictures'),
  config: StreamConfig,
  format: z.string().nullable(),
  width: z.number().nullable(),
  height: z.number().nullable(),
  dtype: z.string().nullable().describe('numpy name: uint8, uint16, float32'),
  shape: z.array(z.number()).nullable().describe('numpy shape: [height, width] or [height, width, channels]'),
  fps: z.number(),
  audio: z
    .object({ rate: z.number().describe('Hz'), channels: z.number(), layout: z.string() })
    .nullable()
    .describe('the sound of the stream; null: none has come yet'),
  viewers: z.number(),
  trickle: z
    .object({ in: TrickleLink.nullable().describe('where it comes from'), outs: z.array(TrickleLink).describe('where it goes to') })
    .optional()
    .describe('trickle channels; absent: it has none'),
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

/** Place of a client in the events: sent back as `after` or `Last-Event-ID`, it brings the markers and data that were missed. */
const EventId = z.string().max(60);

/** Messages of `WS /api/events` from the server (text). Thumbnails are binary: frame header + JPEG, stream name in its metadata. */
export const ServerEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    now: z.number().describe('server UTC, µs'),
    version: z.string(),
    id: EventId.optional(),
    reports: z.boolean().optional().describe('whether the server counts what players report'),
  }),
  z.object({ type: z.literal('pong'), t: z.number().describe('as sent'), now: z.number() }),
  z.object({ type: z.literal('state'), stream: StreamName, info: StreamInfo.nullable().describe('null: the stream is gone') }),
  z.object({
    type: z.literal('frame'),
    stream: StreamName,
    id: z.number(),
    timestamp: z.number(),
    metadata: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('what came with the frame; of a playback `original`: { id, timestamp }'),
  }),
  z.object({ type: z.literal('stats'), stream: StreamName, stats: StreamStats }),
  z
    .object({
      type: z.literal('params'),
      stream: StreamName,
      values: z.record(z.string(), z.unknown()).describe('all, by address'),
      changed: z.array(z.string()).describe('addresses of those that differ from before'),
      frame: z.number().describe('first frame id for which all hold'),
      revision: z.number().describe('as in the answer to the change that this tells of'),
    })
    .describe('params of the source or of processors have changed'),
  z.object({ type: z.literal('metric'), stream: StreamName, samples: z.array(MetricSample), id: EventId.optional() }),
  z.object({
    type: z.literal('marker'),
    stream: StreamName,
    action: z.enum(['set', 'remove']),
    marker: Marker,
    id: EventId.optional(),
  }),
  z.object({ type: z.literal('data'), stream: StreamName, items: z.array(DataItem), id: EventId.optional() }),
  z
    .object({ type: z.literal('boxes'), stream: StreamName, frame: z.number(), timestamp: z.number(), boxes: z.array(Box) })
    .describe('boxes that a processor has found, at once: pictures on fast ways do not wait for what is kept. They come as `data` too'),
  z
    .object({
      type: z.literal('skipped'),
      stream: StreamName,
      types: z.array(z.string()),
      from: z.number().describe('capture time, µs'),
      to: z.number().describe('capture time, µs'),
      count: z.number().describe('samples or changes; 0 = not known'),
      reason: z.string(),
      id: EventId.optional(),
    })
    .describe('what this client did not get: ask the REST interface for it'),
  z
    .object({
      type: z.literal('liveview'),
      stream: StreamName,
      protocol: z.string(),
      action: z.enum(['started', 'stopped', 'failed', 'params']),
      reason: z.string().nullable(),
    })
    .describe('a live view was started, stopped, or lost its frames; or the params of its viewers have changed'),
  z.object({ type: z.literal('error'), problem: z.record(z.string(), z.unknown()) }),
]);
export type ServerEvent = z.infer<typeof ServerEvent>;

export const EVENT_TYPES = ['state', 'frame', 'stats', 'params', 'metric', 'marker', 'data', 'boxes', 'liveview'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Ways to the picture that report; the figures of `/metrics` have the label `output` of each. */
export const REPORTED_OUTPUTS = {
  webrtc: 'webrtc',
  h264: 'ws-h264',
  jpeg: 'ws-jpeg',
  lossless: 'ws-lossless',
  mjpeg: 'mjpeg',
  hls: 'hls',
} as const;

const amount = (max: number) => z.number().min(0).max(max);
const count = (max: number) => z.number().int().min(0).max(max);

/** What a player says about the pictures that it has shown since its report before. Nothing in it says who watches. */
export const ViewerReport = z.strictObject({
  type: z.literal('report'),
  stream: StreamName,
  transport: z.enum(Object.keys(REPORTED_OUTPUTS) as [keyof typeof REPORTED_OUTPUTS]),
  seconds: z.number().min(0.5).max(120).describe('time that it tells of'),
  latencyMs: z.array(amount(600_000)).max(20).describe('capture to screen of some frames, picked at even distances'),
  fps: amount(1000),
  bitrate: amount(10e9).describe('bit/s'),
  width: count(65_535).nullable().describe('of the picture, pixels'),
  quality: count(100).nullable().describe('JPEG'),
  dropped: count(200_000).describe('frames that came and were not shown'),
  freezes: count(1000),
  frozenSeconds: amount(120),
  lost: amount(1).nullable().describe('share of packets'),
  resends: count(1_000_000).nullable().describe('packets that came again'),
  jitterBufferMs: amount(60_000).nullable(),
});
export type ViewerReport = z.infer<typeof ViewerReport>;

/** What a page calls one of its viewers: drawn at random. */
export const ViewerName = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/, 'expected 8 to 64 letters, digits, - and _');

/** Messages of `WS /api/events` from the client. */
export const ClientEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('subscribe'),
    streams: z.array(StreamName).optional(),
    types: z.array(z.enum(EVENT_TYPES)),
    after: EventId.optional().describe('`id` of the last event before: the markers and data since then come first'),
  }),
  z.object({
    type: z.literal('thumbnails'),
    streams: z.array(StreamName).max(100).describe('all streams whose thumbnails are wanted from now on'),
    width: z.number().int().min(32).max(640).default(320),
    fps: z.number().positive().max(15).default(5),
  }),
  z.object({ type: z.literal('ping'), t: z.number() }),
  z
    .object({ type: z.literal('watching'), viewers: z.array(ViewerName).max(32) })
    .describe('sign of life of the viewers of this page that have a connection without one, each second'),
  ViewerReport,
]);
export type ClientEvent = z.infer<typeof ClientEvent>;

/** A part of the picture: the side of a square in its middle, or a region from its top left corner; pixels. */
export const Crop = z.union([
  z.number().int().min(1).max(16_384),
  z.object({
    x: z.number().int().min(0).max(16_383),
    y: z.number().int().min(0).max(16_383),
    width: z.number().int().min(1).max(16_384),
    height: z.number().int().min(1).max(16_384),
  }),
]);

/** What a viewer of lossless pictures may ask for. */
export const LosslessOptions = z.object({
  compression: z.enum(['zstd', 'lz4', 'none']),
  level: z.number().int().min(1).max(19).describe('of Zstd'),
  filter: z.boolean().describe('16-bit samples are filtered before compression'),
  crop: Crop.nullable(),
  subsample: z.number().int().min(1).max(32).describe('of so many pixels along each side one is sent'),
  binning: z.boolean().describe('that one is their mean, not the first of them'),
});
const LosslessRequest = LosslessOptions.partial();
/** Left out: the usual, or what it was before. */
export type LosslessRequest = z.infer<typeof LosslessRequest>;

/** Messages of the media sockets from the viewer (CONTRACT "Text messages on the media sockets"). */
export const ViewerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ack'), id: z.number() }),
  z.object({
    type: z.literal('set'),
    quality: z.number().int().min(5).max(100).optional(),
    width: z.number().int().min(16).max(8192).nullable().optional(),
    fps: z.number().positive().max(240).nullable().optional(),
    adapt: z.enum(['off', 'auto', 'fps']).optional().describe('JPEG: who chooses quality, width and fps below these'),
    ...LosslessRequest.shape,
  }),
  z.object({ type: z.literal('shown'), id: z.number(), latencyMs: z.number() }),
]);
export type ViewerMessage = z.infer<typeof ViewerMessage>;
