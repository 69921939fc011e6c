// One segment of a channel: its bytes, who writes them and who reads them. Bytes are kept once, however many read them; they are handed
// out as views of the same memory.

import { type Page, SegmentView } from './segment-view.ts';

/** Why a segment takes no more bytes. `complete`: its body came to its end. */
export type SegmentEnd = 'complete' | 'dropped' | 'rolled-over' | 'reset' | 'channel-closed' | 'too-large';

/**
 * What became of a chunk. `busy`: another body is being written into this segment; offer the chunk again after `onFree`. `closed`: the
 * segment takes nothing more. `full`: a limit is reached and the segment was closed.
 */
export type WriteAnswer = 'taken' | 'busy' | 'closed' | 'full';

/** What a segment tells the channel that it belongs to. */
export interface SegmentKeeper {
  readonly now: () => number;
  /** Asked before bytes are kept; false: a limit is reached. */
  room(segment: Segment, bytes: number): boolean;
  /** The first byte, or the end of an empty body. */
  begun(segment: Segment): void;
  /** It takes no more bytes; its readers and writers are told next. */
  closed(segment: Segment): void;
  /** Bytes taken, and by how much the memory held grew (negative: let go). */
  grown(taken: number, held: number): void;
  /** A reader came (+1) or went (-1). */
  readers(segment: Segment, change: 1 | -1): void;
  /** A reader was cut off. */
  cut(): void;
}

/** Chunks below this are copied together: a million one-byte chunks must not hold a million buffers. */
const SMALL = 8192;
const PAGE = 16_384;

export class Segment {
  readonly seq: number;
  readonly #keeper: SegmentKeeper;
  #pages: Page[] = [];
  #held = 0;
  #bytes = 0;
  #end: SegmentEnd | null = null;
  #begun = false;
  #released = false;
  #owner: SegmentInput | null = null;
  /** When the owner wrote last. */
  #writtenAt = 0;
  readonly #inputs = new Set<SegmentInput>();
  readonly #views = new Set<SegmentView>();

  constructor(seq: number, keeper: SegmentKeeper) {
    this.seq = seq;
    this.#keeper = keeper;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `null` while it can grow. */
  get end(): SegmentEnd | null {
    return this.#end;
  }

  get readers(): number {
    return this.#views.size;
  }

  /** A writer has opened it and has sent nothing yet. */
  get pending(): boolean {
    return !this.#begun && this.#end === null && this.#inputs.size > 0;
  }

  /** Opens it for writing. Several may: the one that sends the first byte writes, the others wait for it. */
  write(): SegmentInput {
    const input = new SegmentInput(this, {
      write: (chunk) => this.#write(input, chunk),
      leave: (complete) => this.#leave(input, complete),
      takeOver: (silence) => this.#takeOver(input, silence),
    });
    this.#inputs.add(input);
    return input;
  }

  /** Reads it from its first byte. */
  read(): SegmentView {
    const view: SegmentView = new SegmentView(this, this.#pages, () => {
      if (!this.#views.delete(view)) return;
      this.#keeper.readers(this, -1);
      this.#letGo();
    });
    this.#views.add(view);
    this.#keeper.readers(this, 1);
    return view;
  }

  /** Takes no more bytes; readers get what is there and then the end. Idempotent. */
  close(end: SegmentEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#owner = null;
    this.#keeper.closed(this);
    for (const view of [...this.#views]) view.onReady?.();
    const inputs = [...this.#inputs];
    this.#inputs.clear();
    for (const input of inputs) input.onClosed?.(end);
  }

  /** No longer offered to new readers: its memory goes with the last one that reads it now. */
  release(): void {
    this.#released = true;
    this.#letGo();
  }

  /** Ends readers that have not taken everything. */
  cut(): void {
    for (const view of [...this.#views]) view.cutOff();
  }

  /** Counted by `SegmentView.cutOff`. */
  countCut(): void {
    this.#keeper.cut();
  }

  #letGo(): void {
    if (!this.#released || this.#views.size > 0 || this.#held === 0) return;
    this.#keeper.grown(0, -this.#held);
    this.#held = 0;
    this.#pages = [];
  }

  #write(input: SegmentInput, chunk: Uint8Array): WriteAnswer {
    if (this.#end) return 'closed';
    if (!this.#inputs.has(input)) return 'closed';
    if (chunk.length === 0) return 'taken';
    if (this.#owner !== null && this.#owner !== input) return 'busy';
    if (!this.#keeper.room(this, chunk.length)) {
      this.close('too-large');
      return 'full';
    }
    this.#owner = input;
    this.#writtenAt = this.#keeper.now();
    this.#append(chunk);
    if (!this.#begun) {
      this.#begun = true;
      this.#keeper.begun(this);
    }
    for (const view of [...this.#views]) view.onReady?.();
    return 'taken';
  }

  #append(chunk: Uint8Array): void {
    const { length } = chunk;
    const last = this.#pages.at(-1);
    let held = 0;
    if (last && length <= last.bytes.length - last.used) {
      last.bytes.set(chunk, last.used);
      last.used += length;
    } else if (length >= SMALL && chunk.buffer.byteLength < 2 * length) {
      this.#pages.push({ bytes: chunk, used: length });
      held = chunk.buffer.byteLength;
    } else {
      // A short segment gets a short page, a long one made of small chunks whole pages.
      const bytes = new Uint8Array(Math.max(length, Math.min(PAGE, Math.max(256, this.#bytes))));
      bytes.set(chunk);
      this.#pages.push({ bytes, used: length });
      held = bytes.length;
    }
    this.#bytes += length;
    this.#held += held;
    this.#keeper.grown(length, held);
  }

  #leave(input: SegmentInput, complete: boolean): void {
    if (!this.#inputs.delete(input) || this.#end) return;
    const other = this.#owner !== null && this.#owner !== input;
    // A second body for the same number: the one that is being written stays.
    if (other) return;
    this.#owner = null;
    if (!complete) {
      // The publisher lost its connection: the segment stays open for another body with the same number.
      for (const waiting of [...this.#inputs]) waiting.onFree?.();
      return;
    }
    if (!this.#begun) {
      this.#begun = true;
      this.#keeper.begun(this);
    }
    this.close('complete');
  }

  #takeOver(input: SegmentInput, silence: number): boolean {
    const owner = this.#owner;
    if (this.#end || !this.#inputs.has(input)) return false;
    if (owner === null || owner === input) return true;
    if (this.#keeper.now() - this.#writtenAt < silence) return false;
    this.#inputs.delete(owner);
    this.#owner = null;
    owner.onClosed?.('reset');
    return true;
  }
}

interface InputSide {
  write(chunk: Uint8Array): WriteAnswer;
  leave(complete: boolean): void;
  takeOver(silence: number): boolean;
}

/** One body that is written into a segment. */
export class SegmentInput {
  readonly segment: Segment;
  readonly #side: InputSide;
  /** The segment was closed by somebody else, or another body took its place. */
  onClosed: ((end: SegmentEnd) => void) | null = null;
  /** The body that was in the way is gone: offer the chunk again. */
  onFree: (() => void) | null = null;

  constructor(segment: Segment, side: InputSide) {
    this.segment = segment;
    this.#side = side;
  }

  get seq(): number {
    return this.segment.seq;
  }

  /** Hands bytes over at once; the memory belongs to the segment from then on and must not be written to again. */
  write(chunk: Uint8Array): WriteAnswer {
    return this.#side.write(chunk);
  }

  /** The body is whole: the segment is closed. Idempotent. */
  end(): void {
    this.onClosed = null;
    this.#side.leave(true);
  }

  /** The body broke off: the segment stays open, so that the same number may be sent again. Idempotent. */
  abort(): void {
    this.onClosed = null;
    this.#side.leave(false);
  }

  /** Takes the place of a body that has been silent for `silence` ms. False: it is not, or the segment is closed. */
  takeOver(silence: number): boolean {
    return this.#side.takeOver(silence);
  }
}
