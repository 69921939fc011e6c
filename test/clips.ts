// What players make of a clip: decoded by FFmpeg, each picture named by its barcode.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Timeline } from '../src/api/schema.ts';
import { type Micros, toTicks } from '../src/core/time.ts';
import { readBarcode } from '../src/formats/barcode.ts';

const run = promisify(execFile);

export interface DecodedClip {
  /** Number in the barcode of each picture that is shown, in order. */
  readonly codes: readonly (number | null)[];
  /** When each is shown, ticks of 90 kHz from the beginning. */
  readonly times: readonly number[];
  /** Length of the presentation, ticks. */
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
  /** What FFmpeg complained about. */
  readonly complaints: string;
}

/** Decodes with the edit list applied, as a player does. */
export async function decodeClip(bytes: Uint8Array, width: number, height: number): Promise<DecodedClip> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-clip-'));
  try {
    const path = join(folder, 'clip.mp4');
    await writeFile(path, bytes);
    const options = { maxBuffer: 2 ** 30, encoding: 'buffer' } as const;
    const raw = [
      '-v',
      'warning',
      '-i',
      path,
      '-fps_mode',
      'passthrough',
      '-enc_time_base',
      '1:90000',
      '-pix_fmt',
      'gray',
      '-f',
      'rawvideo',
      '-',
    ];
    const pictures = await run('ffmpeg', raw, options);
    const size = width * height;
    const codes = Array.from({ length: pictures.stdout.length / size }, (_, i) => {
      return readBarcode(pictures.stdout.subarray(i * size, (i + 1) * size), width)?.frame ?? null;
    });
    const entries = 'frame=pts:stream=duration_ts,time_base:format_tags';
    const probed = await run('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'json', path], options);
    const facts = JSON.parse(String(probed.stdout)) as {
      frames: { pts: number }[];
      streams: { duration_ts: number; time_base: string }[];
      format: { tags: Record<string, string> };
    };
    if (facts.streams[0]!.time_base !== '1/90000') throw new Error(`time base ${facts.streams[0]!.time_base}`);
    return {
      codes,
      times: facts.frames.map((frame) => frame.pts),
      duration: facts.streams[0]!.duration_ts,
      tags: facts.format.tags,
      complaints: `${pictures.stderr}${probed.stderr}`,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A frame in `timeline.json`. */
export interface TimelineRow {
  readonly pts: number;
  readonly id: number;
  readonly timestamp: number;
  readonly repeat: boolean;
}

/** Its columns as rows. */
export function timelineRows({ frames }: Timeline): TimelineRow[] {
  const at = { pts: 0, id: 0, timestamp: 0 };
  const repeats = new Set(frames.repeat);
  return frames.pts.map((step, i) => {
    at.pts += step;
    at.id += frames.id[i]!;
    at.timestamp += frames.timestamp[i]!;
    return { ...at, repeat: repeats.has(i) };
  });
}

/** Frames that came in time and were not repeated, as all are on a machine that has time: for these an id and a capture time ask for the same. */
export function punctual(rows: readonly TimelineRow[]): TimelineRow[] {
  return rows.filter((row, i) => !row.repeat && row.pts === toTicks(row.timestamp as Micros) && rows[i + 1]?.repeat === false);
}
