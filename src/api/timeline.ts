// The timeline on the wire: metrics, markers and data, each bound to a frame id and a capture time (CONTRACT "HTTP: control").
import './without-eval.ts';
import { z } from 'zod';

/** A time from outside: integer µs since the Unix epoch, or RFC 3339. Read it with `parseTimestamp`, which says what is wrong. */
const Time = z.union([z.number(), z.string()]).describe('integer µs since the Unix epoch, or RFC 3339');
const FrameId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Id of a marker: chosen by its maker or by the server. The same id again is the same marker. */
export const MarkerId = z
  .string()
  .max(128)
  // As the last part of an address, dots alone would mean another address.
  .regex(/^(?!\.{1,2}$)./su, 'a text of 1 to 128 characters, but not . or ..');
/** Class of markers: the page colours and filters by it, `keep` of the DVR protects by it. */
export const MarkerKind = z.string().regex(/^[A-Za-z0-9._:/-]{1,64}$/, '1 to 64 characters of A-Z a-z 0-9 . _ : / -');
const Label = z.string().max(500);
/** Comes back in the answer. */
const Ref = z.union([z.string().max(100), z.number()]);

/**
 * What a program sends. Neither `frame` nor `timestamp`: the newest frame. A span has `endFrame` or `end`; `open: true` is a span whose end
 * is not known yet (it is set later by PATCH, or by the same id again).
 */
export const MarkerInput = z.strictObject({
  id: MarkerId.optional(),
  label: Label,
  kind: MarkerKind.default('event'),
  frame: FrameId.optional(),
  timestamp: Time.optional(),
  endFrame: FrameId.optional(),
  end: Time.optional(),
  open: z.boolean().optional(),
  data: z.json().optional(),
});
export type MarkerInput = z.input<typeof MarkerInput>;

/** Body of `PATCH …/markers/{id}`: what is absent stays; `null` takes an end or data away. */
export const MarkerPatch = z.strictObject({
  label: Label.optional(),
  kind: MarkerKind.optional(),
  frame: FrameId.optional(),
  timestamp: Time.optional(),
  endFrame: FrameId.nullable().optional(),
  end: Time.nullable().optional(),
  open: z.boolean().optional(),
  data: z.json().optional(),
});
export type MarkerPatch = z.input<typeof MarkerPatch>;

/** A marker as the server tells it. */
export const Marker = z.object({
  id: MarkerId,
  label: z.string(),
  kind: z.string(),
  frame: z.number().nullable().describe('frame id; null while no frame of that time is known'),
  timestamp: z.number().describe('capture time of the start, µs'),
  endFrame: z.number().nullable(),
  end: z.number().nullable().describe('capture time of the end, µs; null: an instant, or an open span'),
  open: z.boolean().describe('a span whose end is not known yet'),
  data: z.json().describe('null: none'),
  sequence: z.number().describe('rises with every change of any marker of the stream: ask for what is `after` it'),
});
export type Marker = z.infer<typeof Marker>;

export const MarkerPage = z.object({
  items: z.array(Marker),
  next: z.string().optional().describe('there are more: ask again with `after` set to this'),
});
export type MarkerPage = z.infer<typeof MarkerPage>;

/** Name of a metric. */
export const MetricName = z.string().regex(/^[A-Za-z0-9._:/ -]{1,64}$/, '1 to 64 characters of A-Z a-z 0-9 . _ : / - and space');
/** Values of a vector at most. */
export const MAX_VECTOR = 1024;
/** A number, a vector of up to 1,024, or `null` for a gap. */
export const MetricValue = z.union([z.number(), z.nan(), z.null(), z.array(z.union([z.number(), z.nan(), z.null()])).max(MAX_VECTOR)]);

export const MetricInput = z.strictObject({
  timestamp: Time.optional(),
  frame: FrameId.optional(),
  values: z.record(MetricName, MetricValue),
});
export type MetricInput = z.input<typeof MetricInput>;

/** What a stream's configuration says of a metric. */
export const MetricConfig = z.strictObject({
  unit: z.string().max(40).optional(),
  label: z.string().max(100).optional(),
  min: z.number().optional().describe('lower end of the axis'),
  max: z.number().optional().describe('upper end of the axis'),
});
export type MetricConfig = z.infer<typeof MetricConfig>;

const Numbers = z.array(z.number().nullable());

/**
 * One series of `GET …/metrics`. Raw samples have `value` (numbers or vectors); with a step, each row is a bin that begins at its time and has
 * `min`, `max`, `mean` and `count`. Times are µs, the first absolute, each other the difference to the row before. `null` is a gap.
 */
export const MetricSeries = z.object({
  name: z.string(),
  unit: z.string().nullable(),
  label: z.string().nullable(),
  width: z.number().describe('1: numbers; more: vectors of that length'),
  timestamp: z.array(z.number()),
  frame: Numbers.optional().describe('of raw samples that were bound to a frame, not delta coded'),
  value: z.array(z.union([z.number(), z.null(), Numbers])).optional(),
  min: Numbers.optional(),
  max: Numbers.optional(),
  mean: Numbers.optional(),
  count: z.array(z.number()).optional(),
  truncated: z.boolean().describe('more rows lie behind the last one: ask again from there, or with a longer step'),
});
export type MetricSeries = z.infer<typeof MetricSeries>;

export const MetricAnswer = z.object({
  start: z.number(),
  end: z.number(),
  step: z.number().describe('µs; 0 = raw samples'),
  series: z.array(MetricSeries),
});
export type MetricAnswer = z.infer<typeof MetricAnswer>;

/** Box over the picture in source pixels, 0-based from the top left. */
export const Box = z.object({
  x: z.number(),
  y: z.number(),
  w: z.number().nonnegative(),
  h: z.number().nonnegative(),
  label: z.string().max(200).optional(),
  score: z.number().optional(),
  track: z.union([z.string(), z.number()]).optional(),
});
export type Box = z.infer<typeof Box>;

/** A data record as sent: any JSON object; its keys `timestamp` and `frame` are its time and not part of the record. */
export const DataInput = z.object({ timestamp: Time.optional(), frame: FrameId.optional() }).catchall(z.json());
export type DataInput = z.input<typeof DataInput>;

/** A data record as the server tells it. */
export const DataItem = z.object({
  sequence: z.number(),
  timestamp: z.number().describe('capture time, µs'),
  frame: z.number().nullable(),
  record: z.record(z.string(), z.json()),
});
export type DataItem = z.infer<typeof DataItem>;

export const DataPage = z.object({ items: z.array(DataItem), next: z.string().optional() });
export type DataPage = z.infer<typeof DataPage>;

/** A row of samples inside a `metric` event. */
export const MetricSample = z.object({
  timestamp: z.number(),
  frame: z.number().nullable(),
  values: z.record(z.string(), z.union([z.number(), z.null(), Numbers])),
});
export type MetricSample = z.infer<typeof MetricSample>;

/** A source says whether it acquires pictures now: its live view is started and stopped with it. */
export const AcquisitionInput = z.strictObject({
  on: z.boolean(),
  exposure: z.number().min(0).optional().describe('ms; as in the metadata of frames'),
});
export type AcquisitionInput = z.infer<typeof AcquisitionInput>;

/** Text messages of `WS /api/streams/{stream}/frames` from the program: about the frame that it pushed last, unless they say otherwise. */
export const PushMessage = z.discriminatedUnion('type', [
  MetricInput.extend({ type: z.literal('metric'), ref: Ref.optional() }),
  MarkerInput.extend({ type: z.literal('marker'), ref: Ref.optional() }),
  z.strictObject({
    type: z.literal('data'),
    ref: Ref.optional(),
    timestamp: Time.optional(),
    frame: FrameId.optional(),
    record: z.record(z.string(), z.json()),
  }),
  AcquisitionInput.extend({ type: z.literal('acquisition'), ref: Ref.optional() }),
]);
export type PushMessage = z.infer<typeof PushMessage>;
