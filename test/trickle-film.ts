// A short film as a Sluice would send it over a trickle channel: real H.264 with a barcode in each picture, real Opus, uneven times.
import type { FrameInfo } from '../src/core/frame.ts';
import type { Micros, Ticks } from '../src/core/time.ts';
import { openEncoder } from '../src/encoders/h264.ts';
import { drawBarcode } from '../src/formats/barcode.ts';
import { NAL, nalType, splitAnnexB, toAnnexB, toSample } from '../src/formats/h264.ts';
import { TsMuxer } from '../src/formats/mpegts-mux.ts';
import { AudioEncoder, ENCODED_RATE } from '../src/native/ffmpeg-audio.ts';
import type { ChannelPublisher } from '../src/trickle/segments.ts';

export interface FilmOptions {
  readonly pictures: number;
  /** Every so many pictures a key picture, and a segment. */
  readonly key?: number;
  /** Ticks of the first picture. */
  readonly start?: number;
  readonly width?: number;
  readonly height?: number;
  /** Id and capture time inside the pictures: capture time of the first, µs. */
  readonly identity?: Micros;
  readonly sound?: boolean;
}

/** A unit of the film. */
export interface FilmUnit {
  readonly kind: 'video' | 'audio';
  /** Number of the picture: the barcode says it. */
  readonly index: number;
  /** Ticks of 90 kHz, from `start` on, not wrapped. */
  readonly pts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** Ticks between picture `i` and the next: 16 to 61 ms. */
export const gapAfter = (i: number) => 1440 + ((i * 7919) % 4050);

export async function makeFilm(options: FilmOptions): Promise<FilmUnit[]> {
  const { pictures, key: every = 30, start = 0, width = 320, height = 180, identity, sound = false } = options;
  const units: FilmUnit[] = [];
  const settings = { codec: 'h264', bitrate: 600_000, preset: null, encoder: null, width: null, height: null, gop: null } as const;
  await using session = await openEncoder({ ...settings, options: {} });
  let pts = start;
  for (let index = 0; index < pictures; index++) {
    const pixels = new Uint8Array((width * height * 3) / 2).fill(128);
    pixels.fill(60, 0, width * height);
    // Something that moves, beside the barcode.
    for (let y = height >> 1; y < height - 8; y++)
      pixels.fill(200, y * width + ((index * 4) % (width - 20)), y * width + ((index * 4) % (width - 20)) + 16);
    drawBarcode(pixels.subarray(0, width * height), width, 1, { frame: index, timeMs: 0, tag: 7 }, 16, 235);
    const timestamp = ((identity ?? 1_763_640_000_000_000) + Math.round(((pts - start) * 100) / 9)) as Micros;
    const info: FrameInfo = { id: index + 1, timestamp, format: 'yuv420p', width, height, significantBits: 8, received: timestamp };
    const key = index % every === 0;
    const made = (await session.encode(info, pixels, { pts: pts as Ticks, key, boundary: key }))!;
    const sample = toSample(made.data, { id: info.id, timestamp, pts: pts as Ticks, repeat: false });
    let data = toAnnexB(sample, made.key ? made.track.description : undefined);
    if (identity === undefined) data = withoutSei(data);
    units.push({ kind: 'video', index, pts, key: made.key, data });
    pts += gapAfter(index);
  }
  if (sound) units.push(...(await makeSound(start, pts)));
  return units.sort((a, b) => a.pts - b.pts || (a.kind === 'video' ? -1 : 1));
}

function withoutSei(data: Uint8Array): Uint8Array {
  const start = Uint8Array.of(0, 0, 0, 1);
  return Buffer.concat(splitAnnexB(data).flatMap((nal) => (nalType(nal) === NAL.sei ? [] : [start, nal])));
}

/** A click at each whole second of the film's own time, in 20 ms packets. */
async function makeSound(start: number, end: number): Promise<FilmUnit[]> {
  const units: FilmUnit[] = [];
  using encoder = await AudioEncoder.open({ codec: 'opus', channels: 1, bitrate: 64_000 });
  for (let index = 0; start + index * 1800 < end; index++) {
    const plane = new Float32Array(encoder.frameSize);
    const at = index * encoder.frameSize;
    // 1 kHz for 40 ms from the whole second on.
    for (let i = 0; i < plane.length; i++)
      if ((at + i) % ENCODED_RATE < 1920) plane[i] = 0.8 * Math.sin(((at + i) * 2 * Math.PI * 1000) / ENCODED_RATE);
    for (const { data, pts } of encoder.encode([plane], BigInt(at))) {
      units.push({ kind: 'audio', index, pts: start + Math.round((Number(pts) * 90_000) / ENCODED_RATE), key: true, data });
    }
  }
  return units;
}

/** The bytes of each segment: one per key picture, tables first. `change`: what is sent instead of a unit. */
export function segmentsOf(units: readonly FilmUnit[], change = (unit: FilmUnit) => unit): Uint8Array[][] {
  const muxer = muxerFor(units);
  const segments: Uint8Array[][] = [];
  for (const unit of units) {
    if (segments.length === 0 || (unit.kind === 'video' && unit.key)) segments.push([muxer.tables()]);
    const sent = change(unit);
    segments.at(-1)!.push(sent.kind === 'video' ? muxer.video(sent) : muxer.audio(sent));
  }
  return segments;
}

export function muxerFor(units: readonly FilmUnit[]): TsMuxer {
  const sound = units.some(({ kind }) => kind === 'audio');
  return new TsMuxer({ video: true, ...(sound ? { audio: { codec: 'opus', channels: 1 } as const } : {}) });
}

/** Sends a whole film at the pace of its times. */
export async function sendPaced(publisher: ChannelPublisher, units: readonly FilmUnit[]): Promise<void> {
  const muxer = muxerFor(units);
  const began = performance.now();
  let segment = null;
  for (const unit of units) {
    const wait = (unit.pts - units[0]!.pts) / 90 - (performance.now() - began);
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    if (!segment || (unit.kind === 'video' && unit.key)) {
      await segment?.end();
      segment = publisher.next();
      segment.write(muxer.tables());
    }
    segment.write(unit.kind === 'video' ? muxer.video(unit) : muxer.audio(unit));
  }
  await segment?.end();
}
