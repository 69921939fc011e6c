// Binds what programs send to frames: a frame id gives the capture time, a capture time gives the frame that was shown then.
import { SluiceError } from '../core/errors.ts';
import { parseTimestamp } from '../core/time.ts';
import type { FrameTime } from './frame-times.ts';
import type { Bound, PendingBy } from './marker-schema.ts';

/** What the server knows of a stream's frames. */
export interface KnownFrames {
  readonly newest: FrameTime | null;
  byId(id: number): FrameTime | null;
  /** The newest frame whose id is not above. */
  before(id: number): FrameTime | null;
  /** The frame shown at a time. */
  at(timestamp: number): FrameTime | null;
  /** Server UTC, µs. */
  now(): number;
  /** Which ids are known, in words. */
  describe(): string;
}

/** Ids so far above the newest are believed to be of frames that are still on their way. */
const AHEAD = 10_000;

/** Whether a frame id may still come. */
export function isAhead(frames: KnownFrames, id: number): boolean {
  const newest = frames.newest?.id ?? 0;
  return id > newest && id <= newest + AHEAD;
}

/** A frame id or time from outside as both. Names in errors begin with `field`. Throws `bad-timestamp`. */
export function bind(
  frames: KnownFrames,
  frame: number | null | undefined,
  time: number | string | null | undefined,
  names: { readonly frame: string; readonly timestamp: string },
): Bound {
  const timestamp = time === undefined || time === null ? null : parseTimestamp(time, names.timestamp);
  if (frame !== undefined && frame !== null) {
    const found = frames.byId(frame);
    if (found) return { given: timestamp === null ? 'frame' : 'both', frame, timestamp: found.timestamp, pending: null };
    // The frame is not here yet, or not any more; with a time beside it, that holds.
    const ahead = isAhead(frames, frame);
    return {
      given: timestamp === null ? 'frame' : 'both',
      frame,
      timestamp: timestamp ?? (ahead ? Math.max(frames.now(), frames.newest?.timestamp ?? 0) : null),
      pending: ahead ? 'frame' : null,
    };
  }
  if (timestamp !== null) return { given: 'timestamp', timestamp, ...frameAt(frames, timestamp) };
  return NOTHING;
}

/** Nothing was said. */
export const NOTHING: Bound = { given: 'none', frame: null, timestamp: null, pending: null };

/** The default start: the newest frame, or the present time where there is none. */
export function newestFrame(frames: KnownFrames): Bound {
  const { newest } = frames;
  return { given: 'none', frame: newest?.id ?? null, timestamp: newest?.timestamp ?? frames.now(), pending: null };
}

/** The frame of a time, and whether a later look may find another one. A time that is still to come has none yet. */
function frameAt(frames: KnownFrames, timestamp: number): { frame: number | null; pending: PendingBy } {
  const pending = timestamp > (frames.newest?.timestamp ?? 0) ? 'time' : null;
  if (pending && timestamp > frames.now()) return { frame: null, pending };
  return { frame: frames.at(timestamp)?.id ?? null, pending };
}

/**
 * Looks once more at an end that was bound before its frame had come. `null`: nothing new is known.
 */
export function bindAgain(frames: KnownFrames, end: { frame: number | null; timestamp: number }, by: PendingBy): Bound | null {
  const { newest } = frames;
  if (!newest) return null;
  if (by === 'frame' && end.frame !== null) {
    if (newest.id < end.frame) return null;
    // An id that was passed over was never shown: what was on show is the frame before it.
    const found = frames.byId(end.frame) ?? frames.before(end.frame);
    return { given: 'both', frame: found?.id ?? null, timestamp: found?.timestamp ?? end.timestamp, pending: null };
  }
  const { frame, pending } = frameAt(frames, end.timestamp);
  if (pending && frame === end.frame) return null;
  return { given: 'both', frame, timestamp: end.timestamp, pending };
}

/** Whether nothing but the id of a frame is known that has not come yet. */
export function isComing({ given, pending }: Bound): boolean {
  return given === 'frame' && pending === 'frame';
}

/** An end whose frame has come meanwhile. An id that was passed over was never shown: it means the frame before. */
export function comeFrame(frames: KnownFrames, { frame, timestamp }: Bound): Bound | null {
  return bindAgain(frames, { frame, timestamp: timestamp! }, 'frame');
}

/** Refuses a frame id of which no capture time is known. */
export function unknownFrame(stream: string, frames: KnownFrames, frame: number, field: string): SluiceError {
  return new SluiceError('unknown-frame', `${field}: ${frame} received; ${stream} has no such frame, ${frames.describe()}`, {
    field,
    received: frame,
  });
}
