// Packets as an encoder would send them, without an encoder: for tests of what comes behind it.
import type { Packet, TrackInfo } from '../src/core/packet.ts';
import { type Micros, type Ticks, toTicks } from '../src/core/time.ts';
import { concatBytes } from '../src/formats/bytes.ts';
import { decoderConfiguration, toSample } from '../src/formats/h264.ts';
import { DEFAULT_GOP_TICKS, GRID_TICKS } from '../src/pipeline/grid.ts';

// Parameter sets of x264, 320x180 Constrained Baseline.
const SPS = Buffer.from('6742c00dd9014167e58840000003004000000f23c50ab920', 'hex');
const PPS = Buffer.from('68cb83cb20', 'hex');

/** A capture time on the 2 s grid. */
export const START_US = 1_763_640_000_000_000;

export function makeTrack(version = 1, width = 320, height = 180): TrackInfo {
  return { codec: 'avc1.42c00d', width, height, description: decoderConfiguration([SPS, PPS])!, version, bitrate: 400_000 };
}

export function makePacket(
  track: TrackInfo,
  id: number,
  timestamp: number,
  fields: { key?: boolean; repeat?: boolean; pts?: number } = {},
): Packet {
  const pts = (fields.pts ?? toTicks(timestamp as Micros)) as Ticks;
  const { key = false, repeat = false } = fields;
  const identity = { id, timestamp: timestamp as Micros, pts, repeat };
  const picture = concatBytes([Uint8Array.of(0, 0, 1, key ? 0x65 : 0x41), new Uint8Array(8 + (id % 7)).fill(0x55)]);
  const times = { received: timestamp as Micros, encoded: timestamp as Micros };
  return { track, id, timestamp: timestamp as Micros, pts, key, repeat, data: toSample(picture, identity), times };
}

/** Packets with the given intervals (µs) between them; key frames where the encoder puts them: on the grid and every second. */
export function makePackets(intervals: readonly number[], options: { track?: TrackInfo; start?: number; firstId?: number } = {}): Packet[] {
  const { track = makeTrack(), start = START_US, firstId = 1 } = options;
  let at = start;
  let lastPts = 0;
  let lastKey = Number.NEGATIVE_INFINITY;
  return [0, ...intervals].map((interval, i) => {
    at += interval;
    const pts = toTicks(at as Micros);
    const key = Math.floor(pts / GRID_TICKS) !== Math.floor(lastPts / GRID_TICKS) || pts - lastKey >= DEFAULT_GOP_TICKS;
    lastPts = pts;
    if (key) lastKey = pts;
    return makePacket(track, firstId + i, at, { key });
  });
}
