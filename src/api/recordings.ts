// Recordings on the wire: a file with the frames of a stream, made on request.
import './without-eval.ts';
import { z } from 'zod';

/** Id of a recording: unique on its server. */
export const RecordingId = z.string().regex(/^(?!\.+$)[A-Za-z0-9._-]{1,120}$/, '1 to 120 characters of A-Z a-z 0-9 . _ -');

/** How a recording is written, and the end of its file's name. */
export const RECORDING_FILES = { 'ome-tiff': '.ome.tiff', mp4: '.mp4' } as const;

export const RecordingFormat = z
  .enum(Object.keys(RECORDING_FILES) as [keyof typeof RECORDING_FILES])
  .describe('ome-tiff: every frame at full depth; mp4: the H.264 pictures of the stream, lossy');
export type RecordingFormat = z.infer<typeof RecordingFormat>;

/** Body of `POST /api/streams/{stream}/recordings`. It ends with the first limit that is reached, else when it is stopped. */
export const RecordingRequest = z.strictObject({
  format: RecordingFormat.default('ome-tiff'),
  name: z.string().min(1).max(200).optional().describe('for people; default: stream and time'),
  compression: z.enum(['none', 'deflate']).default('none').describe('of ome-tiff; lossless, and costs CPU'),
  duration: z
    .union([z.number().positive(), z.string().regex(/^\d+(\.\d+)?\s*(ms|s|m|min|h|d)$/, 'a number with a unit, such as 30s, 10m or 2h')])
    .optional()
    .describe('of capture time: seconds, or a number with a unit such as 30s, 10m, 2h'),
  frames: z.number().int().min(1).max(4_000_000).optional(),
  bytes: z.number().int().min(1_000_000).max(Number.MAX_SAFE_INTEGER).optional().describe('of the file'),
});
export type RecordingRequest = z.infer<typeof RecordingRequest>;
export type RecordingRequestInput = z.input<typeof RecordingRequest>;

const Moment = z.object({ frame: z.number(), timestamp: z.number().describe('capture time, µs') });

/** Frames that were captured and are not in the file. */
export const RecordingGap = z.object({
  after: z.number().nullable().describe('recorded frame before the gap; null: it lies at the start'),
  before: z.number().describe('recorded frame behind it'),
  start: z.number().describe('capture time of the frame before, µs'),
  end: z.number().describe('capture time of the frame behind, µs'),
  frames: z.number(),
});

/** A recording as the server tells it. */
export const Recording = z.object({
  id: RecordingId,
  stream: z.string(),
  name: z.string(),
  format: RecordingFormat,
  compression: z.enum(['none', 'deflate']),
  state: z.enum(['recording', 'finishing', 'finished', 'failed']).describe('finishing: what waits is written; failed: there is no file'),
  reason: z.string().nullable().describe('why it ended, in words; null while it records'),
  file: z.string().describe('name of the file'),
  created: z.number().describe('server UTC, µs'),
  start: Moment.nullable().describe('first frame'),
  end: Moment.nullable().describe('last frame so far'),
  frames: z.number(),
  bytes: z.number(),
  dropped: z.number().describe('frames that were captured meanwhile and are not in the file'),
  gaps: z.array(RecordingGap).describe('where they are missing, the first 1,000 of them'),
  width: z.number().nullable(),
  height: z.number().nullable(),
  pixelFormat: z.string().nullable().describe('of the pictures in the file'),
  limits: z.object({
    duration: z.number().nullable().describe('s'),
    frames: z.number().nullable(),
    bytes: z.number().nullable(),
  }),
  queue: z
    .object({ depth: z.number(), limit: z.number() })
    .nullable()
    .describe('frames that wait for the disk; a full queue gives up the oldest'),
});
export type Recording = z.infer<typeof Recording>;

export const RecordingList = z.object({ items: z.array(Recording).describe('newest first') });
