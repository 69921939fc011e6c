// Sends each picture to a program that answers over HTTP: a picture replaces it, JSON becomes metrics, markers and data of the frame.
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { toTicks } from '../../core/time.ts';
import { decodePicture, encodeSnapshot, PICTURE_CONTENT_TYPES } from '../../native/picture.ts';
import { defineProcessor, type VideoFrame, WITHHOLD } from '../define.ts';
import { bytesOf } from '../video-frame.ts';
import { HttpAnswer, sayAll } from './http-answer.ts';
import { targetOf } from './http-target.ts';

/** Longest answers. */
const MOST_JSON = 1 << 20;
const MOST_PICTURE = 256 << 20;

const SEND = { jpeg: 'jpg', png: 'png', npy: 'npy' } as const;

export const processor = defineProcessor({
  name: 'http',
  // JPEG and PNG are made by native code.
  native: true,
  concurrent: true,
  params: z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'an address that begins with http:// or https://' })
      .max(2000)
      .describe('each picture is sent there by POST')
      .meta({ title: 'Address' }),
    send: z
      .enum(['jpeg', 'png', 'npy'])
      .default('jpeg')
      .describe('png and npy keep the full depth; 4:2:0 becomes RGB in all of them')
      .meta({ title: 'Send as' }),
    quality: z.number().int().min(1).max(100).default(85).describe('of JPEG').meta({ title: 'Quality', control: 'range' }),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'the name of a header'), z.string().max(4000))
      .default({})
      .describe('sent with each picture, such as Authorization; values are not shown in answers')
      .meta({ title: 'Headers' }),
  }),
  async video(frame, { params, stream, signal, metric, marker, data }) {
    const { url, headers } = targetOf(params.url, params.headers);
    const { body, contentType } = await encoded(frame, SEND[params.send], params.quality);
    const sent = {
      accept: [...PICTURE_CONTENT_TYPES, 'application/json'].join(', '),
      ...headers,
      'content-type': contentType,
      'x-sluice-stream': stream,
      'x-sluice-frame': String(frame.id),
      'x-sluice-timestamp': String(frame.timestamp),
    };
    const response = await ask(url, { method: 'POST', headers: sent, body, redirect: 'manual', signal });
    const type = (response.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
    if (!response.ok) throw await refusal(response, type);
    if (response.status === 204 || response.status === 205) return null;
    const json = type === 'application/json' || type.endsWith('+json');
    const bytes = await readBody(response, json ? MOST_JSON : MOST_PICTURE);
    if (bytes.length === 0) return null;
    if (json) return sayAll(parseJson(bytes), { metric, marker, data }) === 'withhold' ? WITHHOLD : null;
    if (!PICTURE_CONTENT_TYPES.includes(type)) {
      throw failed(
        `it answered with ${type || 'no content type'}; expected ${PICTURE_CONTENT_TYPES.join(', ')}, application/json or an empty body`,
      );
    }
    const { data: pixels, width, height, format, significantBits } = await decodePicture(bytes, type, MOST_PICTURE);
    return { pixels, width, height, format, ...(significantBits === undefined ? {} : { significantBits }) };
  },
});

function failed(message: string, cause?: unknown): SluiceError {
  return new SluiceError('processor-failed', `http: ${message}`, {}, cause);
}

async function encoded(frame: VideoFrame, type: 'jpg' | 'png' | 'npy', quality: number) {
  const { format, width, height, info, id, timestamp } = frame;
  const picture = { format, width, height, significantBits: info.significantBits, data: bytesOf(frame.pixels) };
  const identity = { id, timestamp, pts: toTicks(timestamp), repeat: false };
  const { body, contentType } = await encodeSnapshot(picture, identity, type, { quality });
  // Never memory of the ring: it was encoded.
  return { body: body as Uint8Array<ArrayBuffer>, contentType };
}

/** Errors of connections say little by themselves. */
async function ask(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal.aborted) throw failed('no answer in time', error);
    const { cause } = error as { cause?: { code?: string; message?: string } };
    const { host } = new URL(url);
    const reasons: Record<string, string> = {
      ECONNREFUSED: 'nobody listens there',
      ENOTFOUND: 'no such host',
      ECONNRESET: 'the connection was cut',
    };
    throw failed(`${host} cannot be asked: ${reasons[cause?.code ?? ''] ?? cause?.message ?? (error as Error).message}`, error);
  }
}

async function refusal(response: Response, type: string): Promise<SluiceError> {
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    return failed(`it answered ${response.status} and wants another address to be asked, which is not done; configure that address`);
  }
  const readable = type.startsWith('text/plain') || type.includes('json');
  const text = readable
    ? new TextDecoder()
        .decode(await readBody(response, MOST_JSON))
        .trim()
        .slice(0, 200)
    : '';
  if (!readable) await response.body?.cancel();
  return failed(`it answered ${response.status}${text ? `: ${text}` : ''}`);
}

/** The body, as far as it is not too long. */
async function readBody(response: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > most) throw failed(`it answered with more than ${most} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : new Uint8Array(Buffer.concat(chunks));
}

function parseJson(bytes: Uint8Array): HttpAnswer {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw failed(`it answered with ${bytes.length} bytes that are no JSON`, error);
  }
  const parsed = HttpAnswer.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw failed(`the JSON it answered with does not fit: ${[...(issue?.path ?? []), issue?.message].join('.')}`);
}
