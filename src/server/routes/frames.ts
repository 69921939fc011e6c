// Frames from programs: one per POST, many in one chunked POST, or many over a WebSocket.
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { FrameReceipt, StreamName } from '../../api/schema.ts';
import { parseDeviceTimestamp } from '../../core/device-clock.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import { FORMATS, type Picture, parseFormat, parseSide } from '../../core/frame.ts';
import { type Micros, parseTimestamp } from '../../core/time.ts';
import { type FrameHeader, FrameSplitter, readFrameHeader } from '../../formats/frame-header.ts';
import { isNpy } from '../../formats/npy.ts';
import { readPcm } from '../../formats/wav.ts';
import { decodePicture } from '../../native/picture.ts';
import { pushSound } from '../../pipeline/audio/push-sound.ts';
import type { Publisher, PushOptions, PushReceipt } from '../../pipeline/publisher.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { StreamTimeline } from '../../timeline/timeline.ts';
import type { RouteContext } from '../context.ts';
import { takePushMessage } from './push-messages.ts';
import { type SoundMessage, soundMessage } from './sound.ts';

const FRAMES_TYPE = 'application/x-sluice-frames';

/** Query or `X-Sluice-…` header: headers suit programs whose addresses are fixed. */
function field(request: FastifyRequest, name: string): string | undefined {
  const query = (request.query as Record<string, string | string[] | undefined>)[name];
  const header =
    request.headers[`x-sluice-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`] ??
    request.headers[`x-sluice-${name.toLowerCase()}`];
  const value = query ?? header;
  return Array.isArray(value) ? value[0] : value;
}

function metadataOf(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through to the refusal.
  }
  throw new SluiceError('bad-value', `metadata: ${text.slice(0, 80)} received; expected a JSON object`, { field: 'metadata' });
}

/** The picture in a POST body, by its content type. */
async function pictureOf(request: FastifyRequest, body: Uint8Array, maxBytes: number): Promise<{ picture: Picture; stride: number }> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (isNpy(body)) return { picture: await decodePicture(body, 'application/x-npy', maxBytes), stride: 0 };
  if (type === 'application/octet-stream' || type === '') {
    const width = parseSide(field(request, 'width'), 'width');
    const height = parseSide(field(request, 'height'), 'height');
    const format = parseFormat(field(request, 'format'));
    const strideText = field(request, 'stride');
    const stride = strideText === undefined ? 0 : Number(strideText);
    if (!Number.isInteger(stride) || stride < 0)
      throw new SluiceError('bad-value', `stride: ${strideText} received; expected bytes of a row`, {
        field: 'stride',
        received: strideText,
      });
    return { picture: { format, width, height, data: body }, stride };
  }
  return { picture: await decodePicture(body, type, maxBytes), stride: 0 };
}

/** The picture of a frame with our header; decodes JPEG and PNG. */
async function pictureOfHeader(header: FrameHeader, payload: Uint8Array, maxBytes: number): Promise<Picture> {
  const { encoding, format, width, height } = header;
  if (encoding === 'raw') return { format, width, height, data: payload, significantBits: header.significantBits || FORMATS[format].depth };
  if (encoding === 'jpeg' || encoding === 'png') return await decodePicture(payload, `image/${encoding}`, maxBytes);
  throw new SluiceError('bad-frame', `encoding: ${encoding} received; pushed frames may be raw, jpeg or png`, {
    field: 'encoding',
    received: encoding,
  });
}

function optionsOf(header: FrameHeader, arrival: Micros): PushOptions {
  const device = header.metadata?.deviceTimestamp;
  return {
    arrival,
    deviceTimestamp: device === undefined || device === null ? undefined : parseDeviceTimestamp(device, 'metadata.deviceTimestamp'),
    timestamp: header.timestamp === 0 ? undefined : parseTimestamp(header.timestamp, 'timestamp'),
    metadata: header.metadata,
    stride: header.encoding === 'raw' ? header.stride : 0,
  };
}

export function frameRoutes(context: RouteContext): void {
  const { app, upgrades, streams, timelines, config } = context;

  // Every body is taken as bytes in this part of the tree: pictures have many types, and npy may come under any.
  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(FRAMES_TYPE, (_request, payload, done) => done(null, payload));
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: config.maxFrameBytes }, (_request, body, done) => done(null, body));

    scope.post<{ Params: { stream: string }; Querystring: Record<string, string> }>(
      '/api/streams/:stream/frames',
      {
        bodyLimit: config.maxFrameBytes,
        schema: {
          tags: ['frames'],
          summary: 'Push one frame (the body is the picture), or many in one chunked request of type application/x-sluice-frames',
          params: z.object({ stream: StreamName }),
          response: { 202: FrameReceipt },
        },
      },
      async (request, reply) => {
        const stream = await streams.forPush(request.params.stream);
        const exclusive = field(request, 'exclusive') === '1';
        if ((request.headers['content-type'] ?? '').startsWith(FRAMES_TYPE)) {
          return await pushMany(context, stream, request, exclusive, reply);
        }
        const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
        if (body.length === 0)
          throw new SluiceError('bad-frame', 'an empty body was received; expected a picture', { field: 'body', received: 0 });
        const arrival = stream.clock.now();
        const { picture, stride } = await pictureOf(request, body, config.maxFrameBytes);
        const stamp = field(request, 'timestamp');
        const timestamp = stamp === undefined ? undefined : parseTimestamp(stamp, 'timestamp');
        const device = field(request, 'deviceTimestamp');
        const deviceTimestamp = device === undefined ? undefined : parseDeviceTimestamp(device);
        const metadata = metadataOf(field(request, 'metadata'));
        // A single frame takes the stream over too, but holds it no longer than itself. All of a program's go through one mapping of its
        // camera's clock: many programs connect anew for each.
        using publisher = stream.input.open('a program that posts single frames', exclusive, request.ip, true);
        const receipt = stream.input.push(picture, { timestamp, deviceTimestamp, arrival, stride, metadata });
        void publisher;
        return reply.code(202).send(publicReceipt(receipt));
      },
    );
    registered();
  });

  upgrades.route(
    '/api/streams/:stream/frames',
    async (ws, _request, params, query) => {
      const pending: { data: Buffer; binary: boolean }[] = [];
      const collect = (data: Buffer, binary: boolean) => void pending.push({ data, binary });
      ws.on('message', collect);
      const stream = await streams.forPush(params.stream!);
      ws.off('message', collect);
      new PublisherSocket(ws, stream, timelines.of(stream.name), config.maxFrameBytes, query.get('exclusive') === '1').run(pending);
    },
    {
      maxPayload: config.maxFrameBytes + 65_536,
      before: async (_request, params, query) => {
        const stream = await streams.forPush(params.stream!);
        if (query.get('exclusive') === '1' && stream.input.publisher) {
          throw new SluiceError(
            'publisher-busy',
            `${stream.input.publisher.name} publishes into ${stream.name}; leave out exclusive=1 to take over`,
          );
        }
      },
    },
  );
}

function publicReceipt(receipt: PushReceipt): PushReceipt {
  return receipt.dropped === undefined ? { id: receipt.id, timestamp: receipt.timestamp } : receipt;
}

/** A chunked request with many frames: answers one JSON line for each. */
async function pushMany(
  context: RouteContext,
  stream: Stream,
  request: FastifyRequest,
  exclusive: boolean,
  reply: import('fastify').FastifyReply,
): Promise<void> {
  const publisher = stream.input.open('a program that posts a sequence of frames', exclusive);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(202, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  raw.flushHeaders();
  const write = (line: object) => void (raw.writableLength < 1_000_000 && raw.write(`${JSON.stringify(line)}\n`));
  publisher.onReplaced = () => {
    write({ type: 'replaced' });
    raw.end();
    request.raw.destroy();
  };
  const splitter = new FrameSplitter({ maxFrameBytes: context.config.maxFrameBytes });
  try {
    for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
      const arrival = stream.clock.now();
      for (const { header, payload } of splitter.push(chunk)) {
        const picture = await pictureOfHeader(header, payload, context.config.maxFrameBytes);
        const receipt = stream.input.push(picture, optionsOf(header, arrival));
        write(
          receipt.dropped
            ? { type: 'drop', timestamp: receipt.timestamp, reason: receipt.dropped, detail: receipt.detail }
            : { type: 'ack', ...publicReceipt(receipt) },
        );
      }
    }
    splitter.finish();
  } catch (error) {
    write({ ...toSluiceError(error, 'bad-request').toProblem(), type: 'error' });
  } finally {
    publisher[Symbol.dispose]();
    raw.end();
  }
}

/** A program's WebSocket: binary messages are frames, answered in order. */
class PublisherSocket {
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #maxBytes: number;
  readonly #publisher: Publisher;
  readonly #timeline: StreamTimeline;
  #lastFrame = 0;
  /** The next binary message is sound. */
  #sound: SoundMessage | null = null;
  #replaced = false;
  /** Decoding is asynchronous; the order of the frames is not. */
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(ws: WebSocket, stream: Stream, timeline: StreamTimeline, maxBytes: number, exclusive: boolean) {
    this.#ws = ws;
    this.#stream = stream;
    this.#timeline = timeline;
    this.#maxBytes = maxBytes;
    this.#publisher = stream.input.open('a program on a WebSocket', exclusive);
    this.#publisher.onReplaced = () => {
      this.#replaced = true;
      this.#send({ type: 'replaced' });
      ws.close(4001, 'another program publishes now');
    };
  }

  run(pending: readonly { data: Buffer; binary: boolean }[]): void {
    this.#ws.on('message', (data: Buffer, binary: boolean) => this.#onMessage(data, binary));
    this.#ws.once('close', () => this.#publisher[Symbol.dispose]());
    for (const { data, binary } of pending) this.#onMessage(data, binary);
  }

  #onMessage(data: Buffer, binary: boolean): void {
    if (this.#replaced) return;
    if (!binary) return this.#onText(String(data));
    if (this.#sound) return this.#onSound(data, this.#sound);
    let header: FrameHeader;
    try {
      header = readFrameHeader(data);
      const { headerBytes, payloadBytes } = header;
      // Checked before the view is made: the message may lie in memory that it shares with others.
      if (data.length !== headerBytes + payloadBytes) {
        throw new SluiceError(
          'bad-frame',
          `expected a payload of ${payloadBytes} bytes, as the frame header says; received ${data.length - headerBytes}`,
          { field: 'payload', received: data.length - headerBytes, expected: payloadBytes },
        );
      }
    } catch (error) {
      return this.#error(error);
    }
    const arrival = this.#stream.clock.now();
    const payload = new Uint8Array(data.buffer, data.byteOffset + header.headerBytes, header.payloadBytes);
    // The usual case needs no waiting, and then no queue either.
    if (header.encoding === 'raw' && this.#queued === 0) {
      try {
        const { format, width, height, significantBits } = header;
        this.#push({ format, width, height, data: payload, significantBits: significantBits || FORMATS[format].depth }, header, arrival);
      } catch (error) {
        this.#error(error);
      }
      return;
    }
    if (this.#queued >= 4) {
      this.#stream.captured.dropped.add('decode');
      return this.#send({ type: 'drop', timestamp: header.timestamp || this.#stream.clock.now(), reason: 'decode' });
    }
    this.#queued++;
    this.#queue = this.#queue.then(async () => {
      try {
        const picture = await pictureOfHeader(header, payload, this.#maxBytes);
        if (!this.#replaced) this.#push(picture, header, arrival);
      } catch (error) {
        this.#error(error);
      } finally {
        this.#queued--;
      }
    });
  }

  #onSound(data: Buffer, { rate, channels, format, timestamp }: SoundMessage): void {
    this.#sound = null;
    try {
      const time = timestamp === undefined ? undefined : parseTimestamp(timestamp, 'timestamp');
      const sound = readPcm(new Uint8Array(data.buffer, data.byteOffset, data.length), format, rate, channels);
      const receipt = pushSound(this.#stream, sound, time, this.#stream.clock.now());
      if (receipt.dropped === undefined) this.#send({ type: 'ack', audio: true, id: receipt.id, timestamp: receipt.timestamp });
      else this.#send({ type: 'drop', audio: true, timestamp: receipt.timestamp, reason: receipt.dropped, detail: receipt.detail });
    } catch (error) {
      this.#error(error);
    }
  }

  /** Belongs to the frame before it, which may still be decoded. */
  #onText(text: string): void {
    try {
      this.#sound = soundMessage(text);
    } catch (error) {
      return this.#error(error);
    }
    if (this.#sound) return;
    const take = async () => {
      const answer = await takePushMessage(this.#stream, this.#timeline, text, this.#lastFrame);
      if (answer) this.#send(answer);
    };
    if (this.#queued === 0) void take();
    else this.#queue = this.#queue.then(() => void take());
  }

  #push(picture: Picture, header: FrameHeader, arrival: Micros): void {
    const receipt = this.#stream.input.push(picture, optionsOf(header, arrival));
    if (receipt.dropped === undefined) this.#lastFrame = receipt.id;
    if (receipt.dropped === undefined) this.#send({ type: 'ack', id: receipt.id, timestamp: receipt.timestamp });
    else this.#send({ type: 'drop', timestamp: receipt.timestamp as Micros, reason: receipt.dropped, detail: receipt.detail });
  }

  #error(error: unknown): void {
    const known = toSluiceError(error);
    if (known.code === 'internal') this.#stream.log.error({ error: String(error) }, 'a pushed frame failed for an unforeseen reason');
    this.#send({ ...known.toProblem(), type: 'error' });
  }

  #send(message: object): void {
    // A publisher that does not read its answers loses answers, not frames.
    if (this.#ws.readyState === this.#ws.OPEN && this.#ws.bufferedAmount < 1_000_000) this.#ws.send(JSON.stringify(message));
  }
}
