// Sound as programs have it: interleaved samples, bare or in a WAV file (RIFF; PCM of 8 to 32 bits, floats of 32). Foreign bytes: what does not
// fit ends as a `bad-frame` that says what was received and what is allowed.
import { MAX_CHANNELS, MAX_RATE, MIN_RATE } from '../core/audio.ts';
import { SluiceError } from '../core/errors.ts';

export interface PcmSound {
  /** Hz */
  readonly rate: number;
  readonly channels: number;
  readonly format: 's16' | 'fltp';
  /** `s16`: one interleaved array; `fltp`: one for each channel. */
  readonly data: (Int16Array | Float32Array)[];
  /** Of each channel. */
  readonly samples: number;
}

/** Formats of bare samples: little-endian, interleaved. */
export const PCM_FORMATS = ['s16', 'f32'] as const;
export type PcmFormat = (typeof PCM_FORMATS)[number];

/** Bare samples. Throws `bad-frame` if the bytes are no whole number of samples of all channels. */
export function readPcm(bytes: Uint8Array, format: PcmFormat, rate: number, channels: number): PcmSound {
  const size = (format === 's16' ? 2 : 4) * channels;
  if (bytes.length === 0 || bytes.length % size) {
    throw new SluiceError('bad-frame', `${bytes.length} bytes received; expected a multiple of ${size} (${format}, ${channels} channels)`, {
      field: 'body',
      received: bytes.length,
    });
  }
  const samples = bytes.length / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (format === 's16') {
    const all = new Int16Array(samples * channels);
    for (let i = 0; i < all.length; i++) all[i] = view.getInt16(i * 2, true);
    return { rate, channels, format: 's16', data: [all], samples };
  }
  return { rate, channels, format: 'fltp', data: planes(samples, channels, (i) => view.getFloat32(i * 4, true)), samples };
}

export function isWav(bytes: Uint8Array): boolean {
  return tag(bytes, 0) === 'RIFF' && tag(bytes, 8) === 'WAVE';
}

/** A WAV file. Throws `bad-frame` for one that is broken or of another coding. */
export function readWav(bytes: Uint8Array): PcmSound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let form: { code: number; channels: number; rate: number; bits: number } | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = tag(bytes, at);
    // Programs that write into a pipe leave the length open: what is there counts.
    const length = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    const body = at + 8;
    if (name === 'fmt ' && length >= 16) {
      const code = view.getUint16(body, true);
      form = {
        code: code === 0xfffe && length >= 26 ? view.getUint16(body + 24, true) : code,
        channels: view.getUint16(body + 2, true),
        rate: view.getUint32(body + 4, true),
        bits: view.getUint16(body + 14, true),
      };
    } else if (name === 'data' && form) return samplesOf(bytes.subarray(body, body + length), form);
    at = body + length + (length % 2);
  }
  throw broken(form ? 'it holds no data' : 'it has no format');
}

function samplesOf(bytes: Uint8Array, form: { code: number; channels: number; rate: number; bits: number }): PcmSound {
  const { code, channels, rate, bits } = form;
  if (channels < 1 || channels > MAX_CHANNELS) throw broken(`${channels} channels; allowed are 1 to ${MAX_CHANNELS}`);
  if (rate < MIN_RATE || rate > MAX_RATE) throw broken(`${rate} Hz; allowed are ${MIN_RATE} to ${MAX_RATE}`);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % ((bits / 8) * channels || 1)));
  if (code === 1 && bits === 16) return readPcm(whole, 's16', rate, channels);
  if (code === 3 && bits === 32) return readPcm(whole, 'f32', rate, channels);
  const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
  const read: Record<number, (i: number) => number> = {
    8: (i) => (view.getUint8(i) - 128) / 128,
    24: (i) => (view.getUint16(i * 3, true) + view.getInt8(i * 3 + 2) * 65_536) / 8_388_608,
    32: (i) => view.getInt32(i * 4, true) / 2_147_483_648,
  };
  const sample = code === 1 ? read[bits] : undefined;
  if (!sample) throw broken(`coding ${code} of ${bits} bits; expected PCM of 8, 16, 24 or 32 bits, or floats of 32`);
  const samples = whole.length / (bits / 8) / channels;
  if (!samples) throw broken('it holds no samples');
  return { rate, channels, format: 'fltp', data: planes(samples, channels, sample), samples };
}

function planes(samples: number, channels: number, read: (i: number) => number): Float32Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    const plane = new Float32Array(samples);
    for (let i = 0; i < samples; i++) plane[i] = finite(read(i * channels + channel));
    return plane;
  });
}

/** NaN in one sample would silence an encoder for good. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function broken(reason: string): SluiceError {
  return new SluiceError('bad-frame', `the WAV file cannot be read: ${reason}`, { field: 'body' });
}
