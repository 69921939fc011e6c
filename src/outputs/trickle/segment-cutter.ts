// Cuts pictures and sound into segments that each can be decoded alone: tables and a key frame first. Pictures never wait for sound, sound
// waits for a first picture only so long. Pure, but for the publisher that it writes to.
import { SluiceError } from '../../core/errors.ts';
import type { Packet } from '../../core/packet.ts';
import { TICKS_PER_SECOND } from '../../core/time.ts';
import { TsMuxer, type TsMuxOptions } from '../../formats/mpegts-mux.ts';
import type { ChannelPublisher, SegmentWriter } from '../../trickle/segments.ts';

/** So long one track waits for the other, and a segment without anything new stays open, ticks: 2.1 s, as receivers expect it. */
export const HOLD_TICKS = 2.1 * TICKS_PER_SECOND;
/** A key frame that comes this much of a segment's length too early ends it nevertheless: capture times are never quite even. */
const EARLY_SHARE = 0.1;

/** What a track of sound is like. */
export type SoundTrack = NonNullable<TsMuxOptions['audio']>;

/** A picture in Annex B, or a packet of sound without header, on its way out. */
export interface OutUnit {
  /** What is written, 90 kHz ticks. */
  readonly pts: number;
  /** Media time that segments are cut by, ticks. */
  readonly at: number;
  readonly key: boolean;
  readonly data: Uint8Array;
  readonly source: Packet;
  /** Of a packet of sound. */
  readonly sound?: SoundTrack;
  /** Decoders must be told anew what comes: a new segment begins. */
  readonly fresh?: boolean;
}

/** Why something does not go out. `key`: nothing can be decoded before the next key frame; `given-up`: the other side does not keep up. */
export type LossReason = 'key' | 'given-up' | 'early';

export interface CutterHost {
  readonly publisher: Pick<ChannelPublisher, 'next'>;
  /** Length of a segment, ticks. */
  readonly length: number;
  /** Sound that will come although none has yet. */
  expectedSound?(): SoundTrack | undefined;
  /** A key frame would be welcome. */
  needKey(): void;
  onWritten(unit: OutUnit, bytes: number): void;
  onLost(unit: OutUnit, why: LossReason): void;
  /** Nothing can be written any more. */
  onGone(): void;
}

export class SegmentCutter {
  readonly #host: CutterHost;
  #writer: SegmentWriter | null = null;
  #muxer: TsMuxer | null = null;
  /** Of the open segment. */
  #tracks: TsMuxOptions = { video: false };
  #start = 0;
  /** Media time of the last picture; before the first one, of the first sound. */
  #pictureAt: number | null = null;
  #soundAt: number | null = null;
  /** Sound that cannot go out yet. */
  #held: OutUnit[] = [];
  #asked = false;
  /** The other side has lost the newest segment. */
  #givenUp = false;

  constructor(host: CutterHost) {
    this.#host = host;
  }

  picture(unit: OutUnit): void {
    this.#pictureAt = unit.at;
    const running = this.#writer !== null && this.#tracks.video;
    if (unit.key && (!running || unit.fresh || this.#due(unit.at) || this.#held.length)) return this.#beginWithPicture(unit);
    if (running) return this.#write(unit);
    this.#host.onLost(unit, 'key');
    this.#ask();
  }

  sound(unit: OutUnit): void {
    this.#pictureAt ??= unit.at;
    this.#soundAt = unit.at;
    const alone = unit.at - this.#pictureAt >= HOLD_TICKS;
    const running = this.#writer !== null && sameSound(this.#tracks.audio, unit.sound);
    if (running && (!alone || unit.at - this.#start < this.#host.length)) return this.#write(unit);
    // Not one segment for each packet where the other side takes none.
    if (alone && this.#givenUp && unit.at - this.#start < this.#host.length) return this.#host.onLost(unit, 'given-up');
    this.#hold(unit);
    if (!alone) {
      // A track more can be told of only where a segment begins.
      if (this.#writer) this.#ask();
      return;
    }
    const held = this.#held;
    this.#held = [];
    for (const one of held) {
      if (one === held[0] || one.at - this.#start >= this.#host.length) this.#begin(one.at, { video: false, audio: unit.sound! });
      this.#write(one);
    }
  }

  /** Nothing came for a while: readers get what there is. */
  pause(): void {
    void this.#writer?.end();
    this.#writer = null;
  }

  /** Ends the last segment. */
  async end(): Promise<void> {
    const writer = this.#writer;
    this.#writer = null;
    for (const unit of this.#held) this.#host.onLost(unit, 'early');
    this.#held = [];
    await writer?.end();
  }

  #due(at: number): boolean {
    return at - this.#start >= this.#host.length * (1 - EARLY_SHARE) || at < this.#start;
  }

  #hold(unit: OutUnit): void {
    this.#held.push(unit);
    while (unit.at - this.#held[0]!.at > HOLD_TICKS) this.#host.onLost(this.#held.shift()!, 'early');
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#host.needKey();
  }

  #beginWithPicture(unit: OutUnit): void {
    // A track without anything would let receivers wait for it.
    const silent = this.#soundAt === null || unit.at - this.#soundAt >= HOLD_TICKS;
    const audio = silent ? this.#host.expectedSound?.() : (this.#held.at(-1)?.sound ?? this.#tracks.audio);
    this.#begin(unit.at, audio ? { video: true, audio } : { video: true }, unit);
    // Both begin together.
    const held = this.#held;
    this.#held = [];
    for (const one of held) {
      if (one.at < unit.at) this.#host.onLost(one, 'early');
      else this.#write(one);
    }
  }

  #begin(at: number, tracks: TsMuxOptions, first?: OutUnit): void {
    void this.#writer?.end();
    this.#writer = null;
    this.#start = at;
    this.#asked = false;
    this.#givenUp = false;
    // Continuity goes on from one segment to the next while the tracks are the same.
    if (!this.#muxer || tracks.video !== this.#tracks.video || !sameSound(tracks.audio, this.#tracks.audio))
      this.#muxer = new TsMuxer(tracks);
    this.#tracks = tracks;
    try {
      this.#writer = this.#host.publisher.next();
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      if (first) this.#host.onLost(first, 'given-up');
      return this.#host.onGone();
    }
    const head = this.#muxer.tables();
    if (first) this.#write(first, head);
    else this.#hand(head);
  }

  #write(unit: OutUnit, head?: Uint8Array): void {
    const bytes = unit.sound ? this.#muxer!.audio(unit) : this.#muxer!.video(unit);
    if (this.#hand(head ? Buffer.concat([head, bytes]) : bytes)) return this.#host.onWritten(unit, bytes.length);
    this.#host.onLost(unit, 'given-up');
    if (!unit.sound) this.#ask();
  }

  #hand(bytes: Uint8Array): boolean {
    if (this.#writer?.write(bytes)) return true;
    this.#writer = null;
    this.#givenUp = true;
    return false;
  }
}

function sameSound(a: SoundTrack | undefined, b: SoundTrack | undefined): boolean {
  if (!a || !b || a.codec !== b.codec) return a === b;
  if (a.codec === 'opus') return b.codec === 'opus' && a.channels === b.channels;
  return b.codec === 'aac' && Buffer.compare(a.description, b.description) === 0;
}
