// Pictures that the program itself puts into a stream, in the place of those of an incoming channel.
import { FORMATS, type PixelFormat, parseFormat, parseSide } from '../core/frame.ts';
import { parseTimestamp } from '../core/time.ts';
import type { Publisher, PushReceipt } from '../pipeline/publisher.ts';
import type { Stream } from '../pipeline/stream.ts';

export interface InputFrame {
  /** Rows without padding: bytes, 16-bit or float samples by format. */
  readonly pixels: Uint8Array | Uint16Array | Float32Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Default `rgb24`. */
  readonly format?: PixelFormat;
  /** Capture time: integer µs since the Unix epoch, or RFC 3339. Default: now. */
  readonly timestamp?: number | string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Pushes a picture; each stream has one publisher for all of them. Throws `conflict` if the stream has an input, `bad-frame`. */
export function pushInputFrame<Key extends object>(
  stream: Stream,
  frame: InputFrame,
  publishers: WeakMap<Key, Publisher>,
  key: Key,
): PushReceipt {
  stream.assertPush();
  if (!publishers.has(key)) publishers.set(key, stream.input.open('this program'));
  const format = parseFormat(frame.format ?? 'rgb24');
  const { pixels, timestamp, metadata } = frame;
  return stream.input.push(
    {
      format,
      width: parseSide(frame.width, 'width'),
      height: parseSide(frame.height, 'height'),
      data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength),
      significantBits: FORMATS[format].depth,
    },
    { timestamp: timestamp === undefined ? undefined : parseTimestamp(timestamp, 'timestamp'), metadata },
  );
}
