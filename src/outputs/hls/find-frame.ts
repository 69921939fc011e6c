// Finds an older picture in the DVR window by frame id or capture time and decodes it.

import { type Micros, toTicks } from '../../core/time.ts';
import { readSamples, readVideoTrack } from '../../formats/fmp4-read.ts';
import { decodeLast } from '../../native/ffmpeg-decode.ts';
import type { TakenFrame, WantedFrame } from '../output.ts';
import type { Recorder, WindowSegment } from './recorder.ts';
import type { FrameRow } from './segmenter.ts';

/** The picture, or `null` if the window does not hold it. A capture time finds the frame that was on show at that time. */
export async function findFrame(recorder: Recorder, want: WantedFrame): Promise<TakenFrame | null> {
  const segment = want.frame === undefined ? segmentAt(recorder, want.timestamp!) : recorder.segmentOfId(want.frame);
  const row = segment && rowOf(segment, want);
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

function segmentAt(recorder: Recorder, timestamp: Micros): WindowSegment | undefined {
  const pts = toTicks(timestamp);
  return recorder.segments().findLast((segment) => segment.start <= pts && segment.end > pts);
}

function rowOf(segment: WindowSegment, want: WantedFrame): FrameRow | undefined {
  if (want.frame !== undefined) return segment.frames.find((row) => row.id === want.frame && !row.repeat);
  return segment.frames.findLast((row) => row.timestamp <= want.timestamp!);
}
