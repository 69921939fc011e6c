// JPEG by libjpeg-turbo: the only place that touches @julusian/jpeg-turbo.
// CommonJS that fills its exports at run time: Node finds no named ones in it.
import turbo from '@julusian/jpeg-turbo';
import { SluiceError, toSluiceError } from '../core/errors.ts';
import { frameBytes, MAX_SIDE, type Picture, type PixelFormat } from '../core/frame.ts';
import { readJpegSize } from '../formats/jpeg-segment.ts';

const { FORMAT_BGR, FORMAT_GRAY, FORMAT_RGB, FORMAT_RGBA, SAMP_420, SAMP_GRAY } = turbo;

const INPUT: Partial<Record<PixelFormat, number>> = { gray: FORMAT_GRAY, rgb24: FORMAT_RGB, bgr24: FORMAT_BGR, rgba: FORMAT_RGBA };

/** The library's result is a slice of memory for the worst case (megabytes): this is used again, and each picture copied out of it. */
let scratch = Buffer.alloc(0);
const MAX_SCRATCH = 64 << 20;

interface Job {
  readonly source: Buffer;
  readonly options: { format: number; width: number; height: number; quality: number; subsampling: number };
}

function prepare(picture: Picture, quality: number): Job {
  const { format, width, height, data } = picture;
  const input = INPUT[format];
  if (input === undefined) {
    throw new SluiceError('bad-value', `format: ${format} cannot become JPEG as it is; allowed are ${Object.keys(INPUT).join(', ')}`, {
      field: 'format',
      received: format,
      allowed: Object.keys(INPUT),
    });
  }
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100)) {
    throw new SluiceError('bad-value', `quality: ${quality} received; expected an integer from 1 to 100`, {
      field: 'quality',
      received: quality,
      allowed: { minimum: 1, maximum: 100 },
    });
  }
  const expected = frameBytes(format, width, height);
  if (data.length < expected) {
    throw new SluiceError('bad-frame', `expected ${expected} bytes (${width}x${height} ${format}), received ${data.length}`, {
      received: data.length,
      expected,
    });
  }
  return {
    source: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    options: {
      format: input,
      width,
      height,
      quality: Math.min(quality, BEST_QUALITY),
      subsampling: format === 'gray' ? SAMP_GRAY : SAMP_420,
    },
  };
}

/** The library's quick DCT makes pictures worse again from 94 on: mean error 1.6 to 1.9 levels against 0.7 at 92 (measured). */
const BEST_QUALITY = 93;

function failed(error: unknown): SluiceError {
  return new SluiceError('encoder-failed', `JPEG: ${error instanceof Error ? error.message : String(error)}`, {}, error);
}

/**
 * Encodes a gray, rgb24, bgr24 or rgba picture (alpha is dropped), 4:2:0, quality 1..100. Blocks its thread: for workers. The result
 * has memory of its own. Throws `bad-value`, `bad-frame` or `encoder-failed`.
 */
export function encodeJpegSync(picture: Picture, quality: number): Uint8Array {
  const { source, options } = prepare(picture, quality);
  try {
    const worst = turbo.bufferSize(options);
    let target = scratch;
    if (target.length < worst) {
      target = Buffer.allocUnsafeSlow(worst);
      if (worst <= MAX_SCRATCH) scratch = target;
    }
    return new Uint8Array(turbo.compressSync(source, target, options));
  } catch (error) {
    throw failed(error);
  }
}

/** As `encodeJpegSync`, on libuv's pool. The pixels must not change before the promise has settled. */
export async function encodeJpeg(picture: Picture, quality: number): Promise<Uint8Array> {
  const { source, options } = prepare(picture, quality);
  try {
    return new Uint8Array(await turbo.compress(source, Buffer.allocUnsafeSlow(turbo.bufferSize(options)), options));
  } catch (error) {
    throw failed(error);
  }
}

/**
 * Decodes a JPEG on libuv's pool: gray stays gray, colour becomes rgb24. The size is checked in the frame header before any memory is
 * made: sides up to 16384, at most `maxBytes` of pixels. Throws `bad-picture` (also for a picture that is cut off) or `frame-too-large`.
 */
export async function decodeJpeg(bytes: Uint8Array, maxBytes = Number.POSITIVE_INFINITY): Promise<Picture> {
  const size = readJpegSize(bytes);
  if (!size)
    throw new SluiceError('bad-picture', `${bytes.length} bytes received that are not a JPEG; expected FF D8 … with a frame header (SOF)`);
  if (size.precision !== 8 || (size.components !== 1 && size.components !== 3)) {
    throw new SluiceError(
      'bad-picture',
      `JPEG with ${size.components} components of ${size.precision} bits received; expected 1 (gray) or 3 (colour) of 8 bits`,
    );
  }
  const format = size.components === 1 ? 'gray' : 'rgb24';
  checkPictureSize('JPEG', format, size.width, size.height, maxBytes);
  try {
    // Exactly as much room as was checked: should the library read another size, it refuses.
    const target = Buffer.allocUnsafeSlow(frameBytes(format, size.width, size.height));
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { data, width, height } = await turbo.decompress(source, target, { format: format === 'gray' ? FORMAT_GRAY : FORMAT_RGB });
    return { format, width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  } catch (error) {
    const reason = toSluiceError(error, 'bad-picture').message;
    throw new SluiceError('bad-picture', `JPEG of ${bytes.length} bytes cannot be decoded: ${reason}`, {}, error);
  }
}

/** Refuses a picture by the size in its header, before it is decoded. Throws `bad-picture` or `frame-too-large`. */
export function checkPictureSize(kind: string, format: PixelFormat, width: number, height: number, maxBytes: number): void {
  if (!(width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE)) {
    throw new SluiceError('bad-picture', `${kind} of ${width}x${height} pixels received; expected sides from 1 to ${MAX_SIDE}`, {
      field: 'size',
      received: `${width}x${height}`,
      allowed: { minimum: 1, maximum: MAX_SIDE },
    });
  }
  const bytes = frameBytes(format, width, height);
  if (bytes > maxBytes) {
    throw new SluiceError(
      'frame-too-large',
      `${kind} of ${width}x${height} pixels needs ${bytes} bytes as ${format}; at most ${maxBytes} are allowed`,
      {
        received: bytes,
        allowed: { maximum: maxBytes },
      },
    );
  }
}
