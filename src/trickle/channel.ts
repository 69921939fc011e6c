// One channel: numbered segments, of which the newest five can be read. Only state and rules, neither sockets nor timers. The rules are
// those of Livepeer's trickle server; docs/trickle.md has them as a table.
import { SluiceError } from '../core/errors.ts';
import { Segment, type SegmentEnd, type SegmentInput, type SegmentKeeper } from './segment.ts';
import type { SegmentView } from './segment-view.ts';

/** Segments that can be read; a segment's place is its number modulo this. */
export const RING = 5;
/** Largest number of a segment: the one after it can still be told. */
export const MAX_SEQ = Number.MAX_SAFE_INTEGER - 1;
/** In a request to write or read: the segment that will be written next. */
export const NEXT = -1;
/** In a request to read: the segment that was begun last. */
export const CURRENT = -2;

/** Whether a segment can have this number; `NEXT` counts as one. */
export function canWrite(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= NEXT && seq <= MAX_SEQ;
}

export function badSeq(seq: number): SluiceError {
  return new SluiceError('bad-value', `${seq} received; expected the number of a segment, 0 to ${MAX_SEQ}, or ${NEXT} for the next`);
}

/** Throws `bad-value` where no segment to read can be asked for by this number. `name` of the setting that it is the value of, if of one. */
export function checkRead(seq: number, name?: string): void {
  if (Number.isSafeInteger(seq) && seq >= CURRENT) return;
  const received = name === undefined ? seq : `${name}: ${seq}`;
  throw new SluiceError(
    'bad-value',
    `${received} received; expected the number of a segment, ${NEXT} for the next or ${CURRENT} for the current`,
  );
}

/** Bounds of what one channel, and all together, may hold. */
export interface TrickleLimits {
  /** Channels at a time. */
  readonly channels: number;
  /** Bytes of one segment. */
  readonly segmentBytes: number;
  /** Readers of one channel at a time. */
  readonly readers: number;
  /** Bytes of all segments of all channels together. */
  readonly bytes: number;
}

export const DEFAULT_LIMITS: TrickleLimits = { channels: 256, segmentBytes: 32 * 2 ** 20, readers: 256, bytes: 512 * 2 ** 20 };

/** Figures of a channel. Counters only rise. */
export interface ChannelStats {
  readonly name: string;
  readonly contentType: string;
  /** Number of the segment begun last; -1 before the first. */
  readonly seq: number;
  /** When it began, in ms of the channels' clock; `null` before the first. */
  readonly since: number | null;
  /** Segments begun. */
  readonly segments: number;
  /** Bytes taken. */
  readonly bytes: number;
  /** Bytes in memory. */
  readonly held: number;
  readonly readers: number;
  /** Writers and readers that were turned away: closed segments, limits. */
  readonly refused: number;
  /** Readers that were cut off because they did not keep up. */
  readonly cut: number;
}

/** What reading gives: a view, or that there is no such segment (now). */
export type ReadAnswer =
  | { readonly found: true; readonly view: SegmentView; readonly seq: number; readonly latest: number }
  | { readonly found: false; readonly seq: number; readonly latest: number };

/** What a channel is given by its server. */
export interface ChannelHost {
  readonly limits: TrickleLimits;
  readonly now: () => number;
  /** Bytes held by all channels. */
  readonly held: () => number;
  readonly grown: (held: number) => void;
  readonly readers: (channel: Channel) => void;
}

export class Channel {
  readonly name: string;
  /** MIME type, fixed at the beginning; may be empty. */
  readonly contentType: string;
  /** Who inside this program writes it, in words; others may only read then. `null`: anybody who may publish. */
  readonly owner: string | null;
  readonly #host: ChannelHost;
  readonly #ring: (Segment | null)[] = Array.from({ length: RING }, () => null);
  /** Segments that readers wait for and no writer has opened. */
  readonly #awaited = new Map<number, Segment>();
  /** Out of the ring, but somebody still reads them. */
  #leaving: Segment[] = [];
  readonly #keeper: SegmentKeeper;
  #latest = 0;
  #activeAt: number;
  #closed = false;
  #seq = -1;
  #since: number | null = null;
  #segments = 0;
  #bytes = 0;
  #held = 0;
  #readers = 0;
  #refused = 0;
  #cut = 0;

  constructor(name: string, contentType: string, owner: string | null, host: ChannelHost) {
    this.name = name;
    this.contentType = contentType;
    this.owner = owner;
    this.#host = host;
    this.#activeAt = host.now();
    this.#keeper = {
      now: host.now,
      room: (segment, bytes) => this.#room(segment, bytes),
      begun: (segment) => this.#begun(segment),
      closed: () => this.#passClosed(),
      grown: (taken, held) => {
        this.#bytes += taken;
        this.#held += held;
        if (taken > 0) this.#activeAt = host.now();
        host.grown(held);
      },
      readers: (segment, change) => this.#countReaders(segment, change),
      cut: () => void this.#cut++,
    };
  }

  /** Number of the segment that will be begun next (`Lp-Trickle-Latest`). Falls when a publisher begins anew with lower numbers. */
  get latest(): number {
    return this.#latest;
  }

  /** Deleted: nothing can be written, and what readers have open comes to its end. */
  get closed(): boolean {
    return this.#closed;
  }

  /** When bytes came last, in ms of the channels' clock. */
  get activeAt(): number {
    return this.#activeAt;
  }

  get readers(): number {
    return this.#readers;
  }

  get stats(): ChannelStats {
    return {
      name: this.name,
      contentType: this.contentType,
      seq: this.#seq,
      since: this.#since,
      segments: this.#segments,
      bytes: this.#bytes,
      held: this.#held,
      readers: this.#readers,
      refused: this.#refused,
      cut: this.#cut,
    };
  }

  /**
   * Opens segment `seq` for writing, `NEXT` the next one. Takes its place in the ring at once, which ends the segment five before it.
   * `reset`: the publisher begins anew: all lower segments come to their end, and numbers that were used before from here on are free. Throws `bad-value` for a number that no segment can have,
   * `conflict` if the segment is closed, `gone` if the channel is.
   */
  write(seq: number, options: { readonly reset?: boolean } = {}): SegmentInput {
    if (this.#closed) throw new SluiceError('gone', `the channel ${this.name} was deleted`);
    const asked = seq === NEXT ? this.#latest : seq;
    if (asked === NEXT || !canWrite(asked)) {
      this.#refused++;
      throw badSeq(asked);
    }
    if (options.reset) this.#beginAnew(asked);
    const segment = this.#segmentForWrite(asked);
    if (segment.end !== null) {
      this.#refused++;
      throw new SluiceError('conflict', `segment ${asked} is closed (${segment.end}); the next one is ${this.#latest}`);
    }
    return segment.write();
  }

  /**
   * Reads segment `seq`, also `NEXT` or `CURRENT`, from its first byte. One that has not begun can be awaited if it is the next, or the
   * first or second of a channel without any. Throws `bad-value` for other negative numbers, `unavailable` at the limit of readers.
   */
  read(seq: number): ReadAnswer {
    try {
      checkRead(seq);
    } catch (error) {
      this.#refused++;
      throw error;
    }
    const latest = this.#latest;
    const asked = seq === NEXT ? latest : seq === CURRENT ? Math.max(0, latest - 1) : seq;
    const known = this.#find(asked);
    const ahead = !this.#closed && (asked === latest || (latest === 0 && asked === 1));
    if (!known && !ahead) return { found: false, seq: asked, latest };
    if (this.#readers >= this.#host.limits.readers) {
      this.#refused++;
      throw new SluiceError('unavailable', `the channel ${this.name} has ${this.#readers} readers, as many as are allowed`);
    }
    const segment = known ?? new Segment(asked, this.#keeper);
    if (!known) this.#awaited.set(asked, segment);
    return { found: true, view: segment.read(), seq: asked, latest };
  }

  /** Ends a segment that will not be written (further). False: it is not among those that are kept. */
  drop(seq: number): boolean {
    const segment = this.#find(seq);
    if (!segment) return false;
    if (this.#awaited.delete(seq)) {
      // Kept as closed, so that a late writer is told.
      const place = this.#ring[seq % RING];
      if (!place || place.seq < seq) this.#place(segment);
      else segment.release();
    }
    this.#skipPending(segment);
    segment.close('dropped');
    return true;
  }

  /** Ends everything: readers get what is there, then the end. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const segment of this.#ring) if (segment) this.#skipPending(segment);
    const all = [...this.#ring, ...this.#awaited.values()];
    this.#ring.fill(null);
    this.#awaited.clear();
    for (const segment of all) {
      segment?.close('channel-closed');
      segment?.release();
    }
  }

  /** Counts a request that was turned away before it reached a segment. */
  countRefused(): void {
    this.#refused++;
  }

  /** A writer that was connected and had sent nothing has used its number all the same: readers are told the next one. */
  #skipPending(segment: Segment): void {
    if (segment.pending) this.#latest = Math.max(this.#latest, segment.seq + 1);
  }

  #find(seq: number): Segment | undefined {
    const place = seq >= 0 ? this.#ring[seq % RING] : null;
    return place?.seq === seq ? place : this.#awaited.get(seq);
  }

  /** What comes next is never closed already: who goes on there would find its end at once, over and over. */
  #passClosed(): void {
    while (this.#find(this.#latest)?.end) this.#latest++;
  }

  #segmentForWrite(seq: number): Segment {
    const place = this.#ring[seq % RING];
    if (place?.seq === seq) return place;
    const segment = this.#awaited.get(seq) ?? new Segment(seq, this.#keeper);
    this.#awaited.delete(seq);
    // Whoever waits for another number of this place waits in vain.
    this.#endAwaited((other) => other % RING === seq % RING, 'rolled-over');
    this.#place(segment);
    return segment;
  }

  #endAwaited(which: (seq: number) => boolean, end: SegmentEnd): void {
    for (const segment of [...this.#awaited.values()]) {
      if (!which(segment.seq)) continue;
      this.#awaited.delete(segment.seq);
      segment.close(end);
    }
  }

  #place(segment: Segment): void {
    const slot = segment.seq % RING;
    const old = this.#ring[slot];
    this.#ring[slot] = segment;
    if (!old) return;
    old.close('rolled-over');
    this.#letGo(old);
  }

  #beginAnew(seq: number): void {
    this.#latest = Math.max(this.#latest, seq);
    this.#endAwaited((other) => other < seq, 'reset');
    for (const [slot, other] of this.#ring.entries()) {
      if (!other) continue;
      if (other.seq < seq) other.close('reset');
      // What is open is the new publisher's own, connected ahead.
      else if (seq < this.#latest && other.end !== null) {
        this.#ring[slot] = null;
        this.#letGo(other);
      }
    }
  }

  /** A segment that is out of the ring. */
  #letGo(old: Segment): void {
    old.release();
    if (old.readers === 0) return;
    this.#leaving = this.#leaving.filter((one) => one.readers > 0);
    this.#leaving.push(old);
    // A reader may finish a segment that left the ring, but not for ever: a channel holds twice its ring at most.
    if (this.#leaving.length > RING) this.#leaving.shift()!.cut();
  }

  #room(segment: Segment, bytes: number): boolean {
    const { limits } = this.#host;
    if (segment.bytes + bytes <= limits.segmentBytes && this.#host.held() + bytes <= limits.bytes) return true;
    this.#refused++;
    return false;
  }

  #begun(segment: Segment): void {
    this.#latest = segment.seq + 1;
    this.#activeAt = this.#host.now();
    this.#seq = segment.seq;
    this.#since = this.#activeAt;
    this.#segments++;
    this.#passClosed();
  }

  #countReaders(segment: Segment, change: 1 | -1): void {
    this.#readers += change;
    // Nobody waits for it any more, and nobody has begun it.
    if (segment.readers === 0 && this.#awaited.get(segment.seq) === segment) this.#awaited.delete(segment.seq);
    this.#host.readers(this);
  }
}
