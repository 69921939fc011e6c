// REST of recordings.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Recording, RecordingId, RecordingList, RecordingRequest } from '../../api/recordings.ts';
import { StreamName } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import { byteRange } from '../byte-range.ts';
import type { Output, OutputContext } from '../output.ts';
import { Recordings } from './recordings.ts';

const tags = ['recordings'];
const Params = z.object({ stream: StreamName });
const OneParams = z.object({ stream: StreamName, id: RecordingId });
type One = { Params: { stream: string; id: string } };

export interface RecordingsOutput extends Output {
  /** Path of a recording's file; `null` = there is no such recording. */
  file(id: string): string | null;
}

export async function openRecordings(context: OutputContext): Promise<RecordingsOutput> {
  const { app, registry } = context;
  const recordings = await Recordings.open(context);

  app.get(
    '/api/recordings',
    { schema: { tags, summary: 'All recordings of all streams', response: { 200: RecordingList } } },
    async () => ({
      items: recordings.list(),
    }),
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/recordings',
    { schema: { tags, summary: 'Recordings of a stream with their progress', params: Params, response: { 200: RecordingList } } },
    async (request) => ({ items: recordings.list(request.params.stream) }),
  );

  app.post<{ Params: { stream: string } }>(
    '/api/streams/:stream/recordings',
    {
      schema: {
        tags,
        summary: 'Begin a recording with the next frame',
        params: Params,
        body: RecordingRequest,
        response: { 201: Recording },
      },
    },
    async (request, reply) => {
      const stream = registry.get(request.params.stream);
      const recording = await recordings.start(stream, RecordingRequest.parse(request.body ?? {}));
      return reply.code(201).header('location', `recordings/${recording.id}`).send(recording);
    },
  );

  app.get<One>(
    '/api/streams/:stream/recordings/:id',
    { schema: { tags, summary: 'One recording', params: OneParams, response: { 200: Recording } } },
    async (request) => recordings.get(request.params.stream, request.params.id),
  );

  app.post<One>(
    '/api/streams/:stream/recordings/:id/stop',
    { schema: { tags, summary: 'End a recording; answered when its file is whole', params: OneParams, response: { 200: Recording } } },
    async (request) => await recordings.stop(request.params.stream, request.params.id),
  );

  app.delete<One>(
    '/api/streams/:stream/recordings/:id',
    { schema: { tags, summary: 'Remove a recording with its file', params: OneParams, response: { 204: z.null() } } },
    async (request, reply) => {
      await recordings.remove(request.params.stream, request.params.id);
      return reply.code(204).send();
    },
  );

  app.route<One>({
    method: ['GET', 'HEAD'],
    url: '/api/streams/:stream/recordings/:id/file',
    exposeHeadRoute: false,
    schema: { tags, summary: 'The file, also while it grows; ranges are answered', params: OneParams },
    handler: async (request, reply) => {
      const recording = recordings.get(request.params.stream, request.params.id);
      return await sendFile(recording, recordings.file(recording.id)!, request, reply);
    },
  });

  return { close: () => recordings.close(), file: (id) => recordings.file(id) };
}

async function sendFile(recording: Recording, path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const size = await stat(path).then(
    (info) => info.size,
    () => null,
  );
  if (size === null) throw new SluiceError('gone', `the file of recording ${recording.id} is no longer there`);
  reply.type(recording.format === 'mp4' ? 'video/mp4' : 'image/tiff').headers({
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    'content-disposition': `attachment; filename="${recording.file}"`,
  });
  let range: ReturnType<typeof byteRange>;
  try {
    range = byteRange(request.headers.range, size);
  } catch (error) {
    reply.header('content-range', `bytes */${size}`);
    throw error;
  }
  const start = range?.start ?? 0;
  const end = range?.end ?? size - 1;
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`);
  reply.header('content-length', String(Math.max(0, end - start + 1)));
  if (request.method === 'HEAD' || size === 0) return reply.send();
  return reply.send(createReadStream(path, { start, end }));
}
