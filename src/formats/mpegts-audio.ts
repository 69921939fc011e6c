// Sound inside PES packets: AAC with ADTS headers (ISO/IEC 13818-7 6.2), MPEG audio (ISO/IEC 11172-3 2.4.1.3), Opus with control headers
// ("Opus in MPEG-TS" 0.1.3). Each splitter takes whole PES payloads and gives one frame after the other.
import { concatBytes } from './bytes.ts';
import { opusSamples } from './opus.ts';

/** A frame of sound. */
export interface SplitFrame {
  readonly data: Uint8Array;
  /** How long it lasts, ticks of 90 kHz; not rounded. */
  readonly duration: number;
  /** It began in the PES packet before: its time goes on from there. */
  readonly carried: boolean;
}

interface FrameHead {
  /** Bytes with header. */
  readonly length: number;
  readonly duration: number;
}

/** Hz by sampling_frequency_index. */
export const ADTS_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350] as const;

/** Header of an ADTS frame; `null` for other bytes. */
export function readAdts(bytes: Uint8Array, at = 0): (FrameHead & { readonly rate: number; readonly channels: number }) | null {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) return null;
  const rate = ADTS_RATES[(bytes[at + 2]! >> 2) & 15];
  const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
  if (rate === undefined || length < (bytes[at + 1]! & 1 ? 7 : 9)) return null;
  const configuration = ((bytes[at + 2]! & 1) << 2) | (bytes[at + 3]! >> 6);
  const samples = 1024 * ((bytes[at + 6]! & 3) + 1);
  return { length, duration: (samples * 90_000) / rate, rate, channels: configuration === 7 ? 8 : configuration };
}

/**
 * ADTS header without CRC.
 * @param description AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of AAC Main, LC, SSR or LTP
 * @param length bytes of the frame
 */
export function adtsHeader(description: Uint8Array, length: number): Uint8Array {
  const profile = ((description[0]! >> 3) - 1) & 3;
  const rate = ((description[0]! & 7) << 1) | (description[1]! >> 7);
  const channels = (description[1]! >> 3) & 15;
  const total = length + 7;
  return Uint8Array.of(
    0xff,
    0xf1,
    (profile << 6) | (rate << 2) | (channels >> 2),
    ((channels & 3) << 6) | (total >> 11),
    (total >> 3) & 0xff,
    ((total & 7) << 5) | 0x1f,
    0xfc,
  );
}

const KBPS_V1 = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
const KBPS_V2 = [
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/** Header of a frame of MPEG audio, any layer; `null` for other bytes and for free format. */
export function readMpegAudio(bytes: Uint8Array, at = 0): FrameHead | null {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return null;
  const version = (bytes[at + 1]! >> 3) & 3;
  const layer = 4 - ((bytes[at + 1]! >> 1) & 3);
  const v1 = version === 3;
  const base = [44_100, 48_000, 32_000][(bytes[at + 2]! >> 2) & 3];
  const kbps = (v1 ? KBPS_V1 : KBPS_V2)[layer - 1]?.[(bytes[at + 2]! >> 4) - 1];
  if (version === 1 || layer === 4 || base === undefined || kbps === undefined) return null;
  const rate = v1 ? base : version === 2 ? base / 2 : base / 4;
  const padding = (bytes[at + 2]! >> 1) & 1;
  const samples = layer === 1 ? 384 : layer === 3 && !v1 ? 576 : 1152;
  const length = layer === 1 ? (Math.floor((12_000 * kbps) / rate) + padding) * 4 : Math.floor((samples * 125 * kbps) / rate) + padding;
  return { length, duration: (samples * 90_000) / rate };
}

/** Splits frames that know their length. They need not end with the PES packet; what is no frame is left out. */
export class FrameSplitter {
  #held = new Uint8Array(0);
  readonly #head: (bytes: Uint8Array, at: number) => FrameHead | null;
  /** Bytes that a header needs. */
  readonly #least: number;

  constructor(codec: 'aac' | 'mp3') {
    this.#head = codec === 'aac' ? readAdts : readMpegAudio;
    this.#least = codec === 'aac' ? 7 : 4;
  }

  /** Forgets a frame that has begun: something is missing. */
  reset(): void {
    this.#held = new Uint8Array(0);
  }

  split(payload: Uint8Array): SplitFrame[] {
    const carried = this.#held.length;
    const bytes = carried ? concatBytes([this.#held, payload]) : payload;
    const frames: SplitFrame[] = [];
    let at = 0;
    while (at + this.#least <= bytes.length) {
      const head = this.#head(bytes, at);
      if (!head) {
        at++;
        continue;
      }
      const end = at + head.length;
      if (end > bytes.length) break;
      // Chance bytes look like a header now and then: another one, or the end, must follow.
      if (end + this.#least <= bytes.length && !this.#head(bytes, end)) {
        at++;
        continue;
      }
      frames.push({ data: bytes.slice(at, end), duration: head.duration, carried: at < carried });
      at = end;
    }
    this.#held = bytes.slice(at);
    return frames;
  }
}

/** Packets of Opus in a PES payload, without their control headers. Ends at the first byte that is none. */
export function splitOpus(payload: Uint8Array): SplitFrame[] {
  const frames: SplitFrame[] = [];
  let at = 0;
  while (at + 3 <= payload.length && payload[at] === 0x7f && (payload[at + 1]! & 0xe0) === 0xe0) {
    const flags = payload[at + 1]!;
    at += 2;
    let size = 0;
    while (payload[at] === 0xff) size += payload[at++]!;
    size += payload[at++] ?? 0;
    // Trims of the start and of the end, then an extension with its length.
    if (flags & 0x10) at += 2;
    if (flags & 0x08) at += 2;
    if (flags & 0x04) at += 1 + (payload[at] ?? 0);
    const data = payload.slice(at, at + size);
    if (size === 0 || data.length < size) break;
    const duration = (opusSamples(data) * 90_000) / 48_000;
    if (duration > 0) frames.push({ data, duration, carried: false });
    at += size;
  }
  return frames;
}
