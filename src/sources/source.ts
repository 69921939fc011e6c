// The contract of sources that make frames by themselves. A source runs in a media worker, only while somebody needs its frames. It
// fills slots of the frame ring and never waits for readers.
import type { AudioFrame } from '../core/audio.ts';
import type { Clock } from '../core/clock.ts';
import type { PixelFormat } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';

/** A frame in the making: its id is taken, its slot is the source's alone until `publish` or `discard`. */
export interface Draft {
  readonly id: number;
  /** The slot's pixels, exactly as long as the tightly packed picture. The same memory backs many frames: fill all of it. */
  readonly pixels: Uint8Array;
  /** Hands the frame to its readers. Refused (false) if `timestamp` does not rise or lies more than 10 s ahead of the clock. */
  publish(
    timestamp: Micros,
    options?: {
      significantBits?: number;
      metadata?: Readonly<Record<string, unknown>>;
      /** Time in the medium that it came from, 90 kHz ticks: kept beside the frame, so that what goes on by the same protocol has it too. */
      mediaTime?: number;
    },
  ): boolean;
  /** Gives the slot back; the id stays unused. */
  discard(): void;
}

/** A block of sound as a source makes it; id, layout and time of arrival are given to it later. */
export type SoundBlock = Pick<AudioFrame, 'timestamp' | 'rate' | 'channels' | 'samples' | 'format' | 'data'>;

/** What a source is given. */
export interface SourceContext<Params> {
  readonly params: Params;
  readonly clock: Clock;
  readonly log: Logger;
  /** Newest capture time of the stream before this source began, 0 = none. */
  readonly last: Micros;
  /** Aborted when nobody needs frames any more. Return soon after. */
  readonly signal: AbortSignal;
  /**
   * A free slot for a picture of this geometry, or `null` if every slot is in use (the frame is then counted as dropped: go on with the
   * next one). Waits while memory for another picture size is made, and with `patience` (ms) so long until a slot is free and every reader
   * has room for it: for pictures that come in a burst.
   */
  begin(format: PixelFormat, width: number, height: number, options?: { readonly patience?: number }): Promise<Draft | null>;
  /** Hands over a block of sound; its samples are the source's no more. */
  sound(block: SoundBlock): void;
  /** Other params come while it runs, of those that its row in `index.ts` names; they hold from the next `begin` on. */
  changed(listener: (params: Params) => void): void;
  /** Tells people what happens: `message` is shown as the stream's reason. `live` is reported by itself with the first frame. */
  report(state: 'starting' | 'failed', message: string): void;
  /** How its connection stands, as JSON with a `type`: shown on the page beside the stream. At most about once a second. */
  details(details: Readonly<Record<string, unknown>>): void;
  /** Waits until a time of the clock, or until aborted. Costs no CPU. */
  until(time: Micros): Promise<void>;
}

/** Makes frames until aborted or at its end. Throws a SluiceError (code `source-failed` or `bad-value`) if it cannot; it is then tried
 *  again with back-off. */
export type RunSource<Params> = (context: SourceContext<Params>) => Promise<void>;
