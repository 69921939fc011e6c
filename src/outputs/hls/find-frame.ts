// Finds an older picture in the DVR window by frame id or capture time and decodes it.

import { type Micros, toTicks } from '../../core/time.ts';
import { readSamples, readVideoTrack } from '../../formats/fmp4-read.ts';
import { decodeLast } from '../../native/ffmpeg-decode.ts';
import type { TakenFrame, WantedFrame } from '../output.ts';
import type { Recorder } from './recorder.ts';
import type { FrameRow } from './segmenter.ts';
import type { WindowSegment } from './window-segment.ts';

/** The picture, or `null` if the window does not hold it. A capture time finds the frame that was on show at that time. */
export async function findFrame(recorder: Recorder, want: WantedFrame): Promise<TakenFrame | null> {
  const { segment, row } = want.frame === undefined ? atTime(recorder, want.timestamp!) : byId(recorder, want.frame);
  if (!segment || !row) return null;
  const bytes = segment.open ? recorder.openBytes() : await recorder.segment(segment.sequence);
  const init = recorder.init(segment.init);
  const track = init && readVideoTrack(init.data);
  if (!bytes || !track) return null;
  const rows = segment.frames.filter((frame) => frame.pts <= row.pts);
  const from = rows.findLastIndex((frame) => frame.key);
  if (from < 0) return null;
  const samples = readSamples(bytes)
    .filter((sample) => sample.pts >= rows[from]!.pts && sample.pts <= row.pts)
    .map((sample) => bytes.subarray(sample.offset, sample.offset + sample.size));
  if (samples.length === 0) return null;
  const picture = await decodeLast(track.description, samples);
  return { info: { id: row.id, timestamp: row.timestamp as Micros }, picture, lossy: true };
}

interface Found {
  readonly segment?: WindowSegment | undefined;
  readonly row?: FrameRow | undefined;
}

function byId(recorder: Recorder, id: number): Found {
  const segment = recorder.segmentOfId(id);
  return { segment, row: segment?.frames.find((row) => row.id === id && !row.repeat) };
}

function atTime(recorder: Recorder, timestamp: Micros): Found {
  const segments = recorder.segments();
  // The frame of exactly that capture time, wherever it lies: where the capture clock was set back, media time is another.
  for (const segment of segments.toReversed()) {
    if (segment.frames.length === 0 || segment.frames[0]!.timestamp > timestamp || segment.frames.at(-1)!.timestamp < timestamp) continue;
    const row = segment.frames.find((candidate) => candidate.timestamp === timestamp && !candidate.repeat);
    if (row) return { segment, row };
  }
  const pts = toTicks(timestamp);
  const segment = segments.findLast((candidate) => candidate.start <= pts && candidate.end > pts);
  return { segment, row: segment?.frames.findLast((row) => row.pts <= pts) };
}
