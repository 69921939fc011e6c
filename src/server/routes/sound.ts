// Sound from programs: bare samples or a WAV file in a POST, or over the socket of frames as a text message with a binary one behind it.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FrameReceipt, StreamName } from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { MAX_CHANNELS, MAX_RATE, MIN_RATE } from '../../core/audio.ts';
import { SluiceError } from '../../core/errors.ts';
import { parseTimestamp } from '../../core/time.ts';
import { isWav, PCM_FORMATS, readPcm, readWav } from '../../formats/wav.ts';
import { pushSound } from '../../pipeline/audio/push-sound.ts';
import type { RouteContext } from '../context.ts';

const shape = {
  rate: z.coerce.number().int().min(MIN_RATE).max(MAX_RATE).default(48_000).describe('Hz'),
  channels: z.coerce.number().int().min(1).max(MAX_CHANNELS).default(1),
  format: z.enum(PCM_FORMATS).default('s16').describe('s16 or f32, little-endian, interleaved'),
};
const Query = z.object({ ...shape, timestamp: z.string().optional().describe('capture time of the first sample; default: it ends now') });

/** Announces the binary message behind it. */
export const SoundMessage = z.strictObject({
  type: z.literal('audio'),
  ...shape,
  timestamp: z.union([z.number(), z.string()]).optional(),
});
export type SoundMessage = z.infer<typeof SoundMessage>;

/** What a text message announces; `null`: it is about something else. Throws `bad-value`. */
export function soundMessage(text: string): SoundMessage | null {
  if (!text.includes('"audio"')) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return (value as { type?: unknown } | null)?.type === 'audio' ? parseInput(SoundMessage, value) : null;
}

export function soundRoutes({ app, streams, config }: RouteContext): void {
  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: config.maxFrameBytes }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { stream: string } }>(
      '/api/streams/:stream/audio',
      {
        bodyLimit: config.maxFrameBytes,
        schema: {
          tags: ['frames'],
          summary: 'Push sound: a WAV file, or bare samples with rate, channels and format',
          params: z.object({ stream: StreamName }),
          querystring: Query,
          response: { 202: FrameReceipt },
        },
      },
      async (request: FastifyRequest<{ Params: { stream: string } }>, reply) => {
        const stream = await streams.forPush(request.params.stream);
        stream.assertPush();
        const arrival = stream.clock.now();
        const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
        if (!body.length)
          throw new SluiceError('bad-frame', 'an empty body was received; expected samples or a WAV file', { field: 'body' });
        const { rate, channels, format, timestamp } = Query.parse(request.query);
        const sound = isWav(body) ? readWav(body) : readPcm(body, format, rate, channels);
        const receipt = pushSound(stream, sound, timestamp === undefined ? undefined : parseTimestamp(timestamp, 'timestamp'), arrival);
        return reply.code(202).send(receipt);
      },
    );
    registered();
  });
}
