// Cuts packets into one-frame fragments, parts and segments of the 2 s grid. A frame is held until the next one comes: only then is its
// true duration known, and a wrong duration costs shown frames (measured). Pure: no files, no clock.
import type { Packet, TrackInfo } from '../../core/packet.ts';
import { concatBytes } from '../../formats/bytes.ts';
import { fragment } from '../../formats/fmp4.ts';
import { PART_TICKS, sequenceOf } from '../../pipeline/grid.ts';

/** EXT-X-PART-INF PART-TARGET in ticks: a part of six frames at 30 fps with some jitter of the capture clock. */
export const PART_TARGET_TICKS = 18_900;
/** The encoder repeats the last picture once per part: a longer step means that the source was lost meanwhile. */
const BROKEN_TICKS = 90_000;
/** A part is closed when it lasts this long: 85 % of the target at least (rfc8216bis 4.4.4.9). */
const PART_FULL_TICKS = 16_200;

/** One frame inside a segment. */
export interface FrameRow {
  readonly pts: number;
  readonly id: number;
  /** µs */
  readonly timestamp: number;
  readonly key: boolean;
  readonly repeat: boolean;
  /** Byte offset of its fragment in the segment. */
  readonly offset: number;
}

export interface PartData {
  /** Byte offset in the segment. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Ticks. */
  readonly duration: number;
  /** Contains a key frame (4.4.4.9). */
  readonly independent: boolean;
}

/** A segment while it grows and after. */
export interface SegmentData {
  readonly sequence: number;
  readonly track: TrackInfo;
  /** Rises with each discontinuity. */
  readonly era: number;
  /** Media time of the first frame. */
  readonly start: number;
  /** End of the last frame that is in. */
  end: number;
  bytes: number;
  readonly frames: FrameRow[];
  readonly parts: PartData[];
  closed: boolean;
}

export interface SegmenterEvents {
  onSegment(segment: SegmentData): void;
  onPart(segment: SegmentData, part: PartData): void;
  /** Boxes that stand in front of a part, asked once when it is made: its bytes never change afterwards. `end` is the end of its last frame. */
  messages?(frames: readonly FrameRow[], end: number): readonly Uint8Array[];
  /** No more parts will follow in this segment. */
  onClosed(segment: SegmentData): void;
}

export class Segmenter {
  readonly #events: SegmenterEvents;
  #era: number;
  #segment: SegmentData | null = null;
  #held: Packet | null = null;
  #part: { packets: Uint8Array[]; bytes: number; duration: number; independent: boolean; frames: number } | null = null;
  #count = 0;
  #lastSequence: number;
  #eraUsed = false;

  /** Goes on behind an earlier run: its last era and its last sequence number (nothing of that segment is added to any more). */
  constructor(events: SegmenterEvents, era: number, lastSequence: number) {
    this.#events = events;
    this.#era = era;
    this.#lastSequence = lastSequence;
  }

  get current(): SegmentData | null {
    return this.#segment;
  }

  push(packet: Packet): void {
    const held = this.#held;
    this.#held = packet;
    if (!held) {
      // The beginning must stand alone, and in a segment of its own.
      if (!packet.key || sequenceOf(packet.pts) <= this.#lastSequence) this.#held = null;
      return;
    }
    const step = packet.pts - held.pts;
    const continuous = packet.track === held.track && step > 0 && step < BROKEN_TICKS;
    this.#add(held, continuous ? step : this.#lastDuration());
    if (continuous) {
      if (sequenceOf(packet.pts) === this.#segment?.sequence) return;
      this.#closeSegment();
      return;
    }
    this.#breakOff();
    if (!packet.key || sequenceOf(packet.pts) <= this.#lastSequence) this.#held = null;
  }

  /** Ends what is open: the last frame lasts until its part is full. The next packet begins a new era. */
  finish(): void {
    if (this.#held) this.#add(this.#held, this.#lastDuration());
    this.#held = null;
    this.#breakOff();
  }

  // Nobody knows how long the last frame lasted; a longer guess than what its part has room for would leave a part too short before it.
  #lastDuration(): number {
    return Math.min(PART_TICKS, PART_TARGET_TICKS - (this.#part?.duration ?? 0));
  }

  #breakOff(): void {
    this.#closeSegment();
    // One discontinuity between two segments, however often it broke off in between: the tags are counted (4.4.3.3).
    if (this.#eraUsed) this.#era++;
    this.#eraUsed = false;
  }

  #add(packet: Packet, duration: number): void {
    const sequence = sequenceOf(packet.pts);
    if (!this.#segment) {
      this.#segment = {
        sequence,
        track: packet.track,
        era: this.#era,
        start: packet.pts,
        end: packet.pts,
        bytes: 0,
        frames: [],
        parts: [],
        closed: false,
      };
      this.#eraUsed = true;
      this.#events.onSegment(this.#segment);
    }
    const segment = this.#segment;
    // A key frame inside a segment begins no part: the part before it would be shorter than 85 % of the target.
    if (this.#part && this.#part.duration + duration > PART_TARGET_TICKS) this.#closePart();
    this.#part ??= { packets: [], bytes: 0, duration: 0, independent: false, frames: 0 };
    this.#part.independent ||= packet.key;
    const bytes = fragment(this.#count++, packet.pts, duration, packet.key, packet.data);
    segment.frames.push({
      pts: packet.pts,
      id: packet.id,
      timestamp: packet.timestamp,
      key: packet.key,
      repeat: packet.repeat,
      offset: segment.bytes + this.#part.bytes,
    });
    segment.end = packet.pts + duration;
    this.#part.packets.push(bytes);
    this.#part.bytes += bytes.length;
    this.#part.duration += duration;
    this.#part.frames++;
    if (this.#part.duration >= PART_FULL_TICKS) this.#closePart();
  }

  #closePart(): void {
    const part = this.#part;
    const segment = this.#segment;
    this.#part = null;
    if (!part || !segment) return;
    const first = segment.frames.length - part.frames;
    const messages = this.#events.messages?.(segment.frames.slice(first), segment.end) ?? [];
    const shift = messages.reduce((sum, message) => sum + message.length, 0);
    if (shift) for (let i = first; i < segment.frames.length; i++) segment.frames[i] = moved(segment.frames[i]!, shift);
    const data: PartData = {
      offset: segment.bytes,
      bytes: concatBytes([...messages, ...part.packets]),
      duration: part.duration,
      independent: part.independent,
    };
    segment.parts.push(data);
    segment.bytes += data.bytes.length;
    this.#events.onPart(segment, data);
  }

  #closeSegment(): void {
    this.#closePart();
    const segment = this.#segment;
    this.#segment = null;
    if (!segment) return;
    segment.closed = true;
    this.#lastSequence = segment.sequence;
    this.#events.onClosed(segment);
  }
}

function moved(row: FrameRow, by: number): FrameRow {
  return { ...row, offset: row.offset + by };
}
