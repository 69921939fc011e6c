// The main thread's side of a stream's sound: hands each block to the readers, each behind a queue of its own, and keeps the ledger.
// Blocks are small (some kB each), so they go from thread to thread by message and not through a ring.
import type { AudioFrame, SampleFormat } from '../../core/audio.ts';
import { Fanout, type Subscription } from '../../core/fanout.ts';
import type { Queueable } from '../../core/queue.ts';
import { RateMeter, Tally } from '../meters.ts';

/** What the sound of a stream is like. */
export interface SoundFormat {
  readonly rate: number;
  readonly channels: number;
  readonly layout: string;
  readonly format: SampleFormat;
}

export type AudioBlock = AudioFrame & Queueable;

export class AudioHub {
  readonly #fanout = new Fanout<AudioBlock>();
  readonly #rate = new RateMeter();
  readonly refused = new Tally();
  readonly dropped = new Tally();
  #published = 0;
  #samples = 0;
  #newest: AudioFrame | null = null;

  /** Hands a block to all readers. Its samples must not change any more. */
  publish(frame: AudioFrame): void {
    this.#published++;
    this.#samples += frame.samples;
    this.#newest = frame;
    this.#rate.add(frame.received, frame.samples);
    this.#fanout.publish(frame);
  }

  /** The newest block; `null` before the first. */
  get newest(): AudioFrame | null {
    return this.#newest;
  }

  /** What the newest block is like; `null` before the first. */
  get format(): SoundFormat | null {
    if (!this.#newest) return null;
    const { rate, channels, layout, format } = this.#newest;
    return { rate, channels, layout, format };
  }

  get published(): number {
    return this.#published;
  }

  /** Reads blocks through a queue of at most `limit`; the oldest ones are lost when it is full. */
  subscribe(name: string, limit: number, onDrop?: (block: AudioBlock) => void): Subscription<AudioBlock> {
    return this.#fanout.subscribe(name, limit, 'newest', onDrop);
  }

  /** @param now server UTC, µs */
  stats(now: number) {
    const { perSecond, amountPerSecond } = this.#rate.rates(now);
    return {
      captured: this.#published + this.refused.total + this.dropped.total,
      refused: this.refused.counts,
      dropped: this.dropped.counts,
      published: this.#published,
      samples: this.#samples,
      blocksPerSecond: perSecond,
      samplesPerSecond: amountPerSecond,
      queues: this.#fanout.stats,
    };
  }

  /** Ends every reader. */
  close(): void {
    this.#fanout.close();
  }
}
