// `timeline.json`: which frames, segments and gaps the window holds.
import { z } from 'zod';
import type { Timeline } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import { type Micros, parseTimestamp, type Ticks, toMicros, toTicks } from '../../core/time.ts';
import { gapsOf } from './gaps.ts';
import type { Recorder } from './recorder.ts';
import type { WindowSegment } from './window-segment.ts';

/** At most 10 min per answer. */
const MAX_SPAN_US = 600_000_000;
/** So long without a frame, and a gap may have begun. */
const QUIET_US = 1_000_000;
/** Frames asked for by id come with so much around them. */
const AROUND_US = 5_000_000;

const Query = z.object({
  start: z.string().optional(),
  end: z.string().optional(),
  frame: z.coerce.number().int().min(1).optional(),
  frames: z.enum(['0', '1'], 'expected 0 (segments and gaps only) or 1').default('1'),
  only: z.enum(['gaps']).optional(),
});

const micros = (ticks: number): number => toMicros(ticks as Ticks);

/**
 * Answers a query `start`, `end` (times) or `frame` (id); `frames=0` leaves the frames out, `only=gaps` the segments too, and then there is no
 * longest span. Throws `unknown-frame` for a frame that is not in the window.
 */
export function timelineOf(recorder: Recorder, rawQuery: unknown): Timeline {
  const query = Query.parse(rawQuery);
  const segments = recorder.segments();
  const now = recorder.stream.clock.now();
  const first = segments[0];
  const last = segments.at(-1);
  let start = query.start === undefined ? -Infinity : (parseTimestamp(query.start, 'start') as number);
  let end = query.end === undefined ? Infinity : (parseTimestamp(query.end, 'end') as number);
  if (query.frame !== undefined) {
    const frame = recorder.segmentOfId(query.frame)?.frames.find((row) => row.id === query.frame);
    if (!frame) {
      throw new SluiceError('unknown-frame', `frame ${query.frame} is not kept; ${keptFrames(segments)}`, {
        field: 'frame',
        received: query.frame,
      });
    }
    start = micros(frame.pts) - AROUND_US;
    end = micros(frame.pts) + AROUND_US;
  }
  if (start > end) throw new SluiceError('bad-value', `start ${start} is later than end ${end}`, { field: 'start', received: start });
  const from = Math.max(start, first ? micros(first.start) : 0);
  const asked = end;
  // Nothing lies behind the window: without this an answer could promise more for ever.
  end = Math.min(end, last ? micros(last.end) : from);
  const withFrames = query.frames === '1' && query.only === undefined;
  const truncated = withFrames && end - from > MAX_SPAN_US;
  const to = truncated ? from + MAX_SPAN_US : end;

  const inside = segments.filter((segment) => micros(segment.end) >= from && micros(segment.start) <= to);
  const frames = { pts: [] as number[], id: [] as number[], timestamp: [] as number[], repeat: [] as number[] };
  const before = { pts: 0, id: 0, timestamp: 0 };
  for (const segment of withFrames ? inside : []) {
    for (const row of segment.frames) {
      // In ticks, as the frames are: asked for from a frame's own capture time, that frame is among them.
      if (row.pts < toTicks(from as Micros) || row.pts > toTicks(to as Micros)) continue;
      if (row.repeat) frames.repeat.push(frames.pts.length);
      frames.pts.push(row.pts - before.pts);
      frames.id.push(row.id - before.id);
      frames.timestamp.push(row.timestamp - before.timestamp);
      before.pts = row.pts;
      before.id = row.id;
      before.timestamp = row.timestamp;
    }
  }
  return {
    stream: recorder.stream.name,
    now,
    start: first ? micros(first.start) : null,
    end: last ? micros(last.end) : null,
    frames,
    segments: (query.only ? [] : inside).map((segment, i) => ({
      sequence: segment.sequence,
      start: micros(segment.start),
      end: micros(segment.end),
      discontinuity: i > 0 && inside[i - 1]!.era !== segment.era,
    })),
    gaps: gapsOf(segments, recorder.keptFrom, expectsFrames(recorder) ? toTicks(now) : null)
      .map((gap) => ({ start: micros(gap.start), end: micros(gap.end), reason: gap.reason }))
      .filter((gap) => gap.end >= from && gap.start <= (truncated ? to : asked)),
    truncated,
  };
}

/** Whether frames should be coming: not where nobody watches, or it was stopped. */
function expectsFrames({ stream, recording }: Recorder): boolean {
  const quiet = stream.lastFrame === null || stream.clock.now() - stream.lastFrame.received >= QUIET_US;
  return quiet && (recording || stream.state === 'lost' || stream.state === 'waiting' || stream.state === 'failed');
}

function keptFrames(segments: readonly WindowSegment[]): string {
  const first = segments.find((segment) => segment.frames.length)?.frames[0];
  const last = segments.findLast((segment) => segment.frames.length)?.frames.at(-1);
  return first && last ? `frames ${first.id} to ${last.id} are` : 'no frames are';
}
