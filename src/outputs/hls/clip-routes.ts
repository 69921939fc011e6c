// `GET /live/{stream}/clip.mp4`: a span of the DVR window as a file, without encoding it again.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { type Micros, parseTimestamp, toTicks } from '../../core/time.ts';
import { type ByteRange, byteRange } from '../byte-range.ts';
import type { OutputContext } from '../output.ts';
import { Clip } from './clip.ts';
import { type ClipQuery, planClip } from './clip-plan.ts';
import type { Recorder } from './recorder.ts';

/** The newest frames come into the window with their part: a clip up to now waits so long for them. */
const WAIT_MS = 1000;

const FrameId = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const Query = z.object({
  start: z.string().optional(),
  startFrame: FrameId.optional(),
  end: z.string().optional(),
  endFrame: FrameId.optional(),
});

/** Registers the route. `open` opens a clip from a query. */
export function clipRoutes(context: OutputContext, open: (stream: string, query: unknown) => Promise<Clip>): void {
  context.app.route<{ Params: { stream: string } }>({
    method: ['GET', 'HEAD'],
    url: '/live/:stream/clip.mp4',
    exposeHeadRoute: false,
    schema: {
      tags: ['timeline'],
      summary: 'A span of what is kept as MP4, without encoding it again; one of start, startFrame and one of end, endFrame',
      params: z.object({ stream: z.string() }),
      querystring: Query,
    },
    handler: async (request, reply) => {
      const { stream } = request.params;
      const clip = await open(stream, request.query);
      reply.type('video/mp4').header('content-disposition', `attachment; filename="${clip.name}.mp4"`);
      const sent = sendClip(request, reply, clip);
      context.meter('clip', stream).served(sent.bytes);
      return sent.reply;
    },
  });
}

/** One start and one end. Throws `bad-value`, `bad-timestamp`. */
function clipQuery(raw: unknown): ClipQuery {
  const query = Query.parse(raw);
  for (const [time, frame] of [
    ['start', 'startFrame'],
    ['end', 'endFrame'],
  ] as const) {
    if ((query[time] === undefined) !== (query[frame] === undefined)) continue;
    const received = query[time] === undefined ? 'neither' : 'both';
    throw new SluiceError(
      'bad-value',
      `${time}: ${received} of ${time} (a time) and ${frame} (a frame id) received; expected one of them`,
      {
        field: time,
        received: query[time] ?? null,
      },
    );
  }
  return {
    startFrame: query.startFrame,
    endFrame: query.endFrame,
    start: query.start === undefined ? undefined : parseTimestamp(query.start, 'start'),
    end: query.end === undefined ? undefined : parseTimestamp(query.end, 'end'),
  };
}

/** Opens a clip from a query. Throws what reading the query, planning and opening throw. */
export async function openClip(recorder: Recorder, raw: unknown, signal: AbortSignal): Promise<Clip> {
  const query = clipQuery(raw);
  await recorder.waitForMedia(() => reaches(recorder, query), WAIT_MS, signal);
  const plan = planClip(recorder.segments(), query);
  const mediaOf = (one: Recorder) => ({
    init: (name: string) => one.init(name),
    bytes: (sequence: number) => one.bytesOf(sequence),
  });
  const sound = recorder.companion;
  return await Clip.open(recorder.stream.name, plan, mediaOf(recorder), sound && { ...mediaOf(sound), segments: () => sound.segments() });
}

/** Whether the window holds the end that was asked for, or never will. */
function reaches(recorder: Recorder, { end, endFrame }: ClipQuery): boolean {
  if (!recorder.recording) return true;
  const last = recorder.segments().at(-1);
  if (end !== undefined) {
    return (end as number) > recorder.stream.clock.now() + WAIT_MS * 1000 || (recorder.playableEnd ?? 0) > toTicks(end as Micros);
  }
  const newest = last?.frames.findLast((row) => !last.open || row.offset < last.bytes);
  return newest !== undefined && newest.id > endFrame!;
}

function sendClip(request: FastifyRequest, reply: FastifyReply, clip: Clip): { reply: FastifyReply; bytes: number } {
  const { first } = clip.plan;
  const tag = `"${clip.tag}"`;
  reply.headers({
    'cache-control': 'private, no-cache',
    etag: tag,
    'accept-ranges': 'bytes',
    'x-sluice-frame': String(first.id),
    'x-sluice-timestamp': String(first.timestamp),
  });
  const range = rangeOf(request, reply, clip.length, tag);
  const start = range?.start ?? 0;
  const bytes = (range ? range.end + 1 : clip.length) - start;
  reply.header('content-length', String(bytes));
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${clip.length}`);
  if (request.method === 'HEAD') return { reply: reply.send(), bytes: 0 };
  return { reply: reply.send(Readable.from(clip.read(start, start + bytes), { objectMode: false })), bytes };
}

function rangeOf(request: FastifyRequest, reply: FastifyReply, length: number, tag: string): ByteRange | null {
  // RFC 9110 13.1.5: parts of what has changed meanwhile do not fit together.
  const condition = request.headers['if-range'];
  if (condition !== undefined && condition !== tag) return null;
  try {
    return byteRange(request.headers.range, length);
  } catch (error) {
    reply.header('content-range', `bytes */${length}`);
    throw error;
  }
}
