// What passes over the socket of an external processor, as bytes: texts (JSON), pictures (the frame header of the contract) and blocks of
// sound, one after the other. Little-endian. docs/processors.md has it for other languages.
import { type AudioFrame, layoutOf, MAX_CHANNELS, MAX_RATE, MIN_RATE } from '../../core/audio.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Micros } from '../../core/time.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from '../../formats/frame-header.ts';
import type { ByteReader } from './byte-reader.ts';

/** Version of what is described here. */
export const PROTOCOL = 1;
/** Most bytes of a text. */
export const MAX_TEXT_BYTES = 1 << 20;
/** Most samples of a channel in a block of sound. */
export const MAX_SAMPLES = 192_000;
/** Flag of a frame header: instead of the payload comes its offset in the shared memory, u64. */
export const IN_MEMORY = 1;

const TEXT_HEAD = 8;
const AUDIO_HEAD = 40;

/** One message of a program. */
export type Message =
  | { readonly kind: 'text'; readonly value: Record<string, unknown> }
  /** `offset`: where its payload lies in the shared memory; null: it comes next. */
  | { readonly kind: 'picture'; readonly header: FrameHeader; readonly offset: number | null }
  | { readonly kind: 'sound'; readonly block: AudioFrame };

function refuse(field: string, received: unknown, allowed: string): SluiceError {
  return new SluiceError('bad-frame', `${field}: ${String(received)} received; expected ${allowed}`, { field, received, allowed });
}

/** Reads the next message; of a picture all but its payload. Throws `bad-frame`. */
export async function readMessage(reader: ByteReader): Promise<Message> {
  const head = await reader.take(TEXT_HEAD);
  const magic = String.fromCharCode(...head.subarray(0, 4));
  if (magic === 'SLT1') return { kind: 'text', value: await readText(reader, uint32(head, 4)) };
  if (magic === 'SLF1') return await readPicture(reader, head);
  if (magic === 'SLA1') return { kind: 'sound', block: await readSound(reader, head) };
  const bytes = [...head.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw refuse('message', bytes, 'one that begins with SLT1 (text), SLF1 (picture) or SLA1 (sound)');
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

async function readText(reader: ByteReader, length: number): Promise<Record<string, unknown>> {
  if (length > MAX_TEXT_BYTES) throw refuse('text bytes', length, `at most ${MAX_TEXT_BYTES}`);
  const bytes = await reader.take(length);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refuse('text', `${length} bytes that are not JSON`, 'a JSON object in UTF-8');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw refuse('text', JSON.stringify(value).slice(0, 40), 'a JSON object');
  return value as Record<string, unknown>;
}

async function readPicture(reader: ByteReader, start: Uint8Array): Promise<Message> {
  const length = new DataView(start.buffer, start.byteOffset).getUint16(4, true);
  if (length < FRAME_HEADER_BYTES) throw refuse('frame header bytes', length, `at least ${FRAME_HEADER_BYTES}`);
  const bytes = new Uint8Array(length);
  bytes.set(start);
  await reader.into(bytes.subarray(start.length));
  const header = readFrameHeader(bytes);
  if (header.encoding !== 'raw') throw refuse('frame header encoding', header.encoding, 'raw');
  if (header.flags & ~IN_MEMORY)
    throw refuse('frame header flags', header.flags, `0, or ${IN_MEMORY}: the payload lies in the shared memory`);
  if (!(header.flags & IN_MEMORY)) return { kind: 'picture', header, offset: null };
  const place = await reader.take(8);
  const offset = new DataView(place.buffer, place.byteOffset).getBigUint64(0, true);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse('offset in the shared memory', offset, 'one inside it');
  return { kind: 'picture', header, offset: Number(offset) };
}

async function readSound(reader: ByteReader, start: Uint8Array): Promise<AudioFrame> {
  const bytes = new Uint8Array(AUDIO_HEAD);
  bytes.set(start);
  await reader.into(bytes.subarray(start.length));
  const view = new DataView(bytes.buffer);
  const number = view.getUint8(4);
  const channels = view.getUint8(5);
  const rate = view.getUint32(8, true);
  const samples = view.getUint32(12, true);
  if (number > 1) throw refuse('sound format', number, '0 s16 (interleaved) or 1 fltp (planar)');
  if (channels < 1 || channels > MAX_CHANNELS) throw refuse('sound channels', channels, `1 to ${MAX_CHANNELS}`);
  if (rate < MIN_RATE || rate > MAX_RATE) throw refuse('sound rate', rate, `${MIN_RATE} to ${MAX_RATE} Hz`);
  if (samples < 1 || samples > MAX_SAMPLES) throw refuse('sound samples', samples, `1 to ${MAX_SAMPLES}`);
  const id = Number(view.getBigUint64(16, true));
  const timestamp = Number(view.getBigInt64(24, true));
  const received = Number(view.getBigInt64(32, true));
  for (const [field, value] of Object.entries({ id, timestamp, received })) {
    if (!Number.isSafeInteger(value)) throw refuse(`sound ${field}`, value, 'an integer below 2^53');
  }
  const format = number === 0 ? 's16' : 'fltp';
  const payload = new Uint8Array(samples * channels * (format === 's16' ? 2 : 4));
  await reader.into(payload);
  const data =
    format === 's16'
      ? [new Int16Array(payload.buffer)]
      : Array.from({ length: channels }, (_, channel) => new Float32Array(payload.buffer, channel * samples * 4, samples));
  const times = { timestamp: timestamp as Micros, received: received as Micros };
  return { id, ...times, rate, layout: layoutOf(channels), channels, samples, format, data };
}

/** A text as bytes. */
export function textBytes(value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const head = Buffer.from('SLT1\0\0\0\0');
  head.writeUInt32LE(text.length, 4);
  return Buffer.concat([head, text]);
}

/** A block of sound as bytes. */
export function soundBytes(block: AudioFrame): Buffer {
  const head = Buffer.alloc(AUDIO_HEAD);
  head.write('SLA1');
  head.writeUInt8(block.format === 's16' ? 0 : 1, 4);
  head.writeUInt8(block.channels, 5);
  head.writeUInt32LE(block.rate, 8);
  head.writeUInt32LE(block.samples, 12);
  head.writeBigUInt64LE(BigInt(block.id), 16);
  head.writeBigInt64LE(BigInt(block.timestamp), 24);
  head.writeBigInt64LE(BigInt(block.received), 32);
  return Buffer.concat([head, ...block.data.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))]);
}
