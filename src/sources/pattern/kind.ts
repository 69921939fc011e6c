// What a kind of test picture is: it draws one picture after the other, cheaply, into memory that it is given.
import type { PixelFormat } from '../../core/frame.ts';
import type { Micros } from '../../core/time.ts';

/** When and which: what may be drawn depends on nothing else, so the same seed gives the same pictures. */
export interface Moment {
  readonly id: number;
  readonly timestamp: Micros;
  /** Seconds since the source was started. */
  readonly elapsed: number;
}

/** One prepared kind of picture at one size. */
export interface Pattern {
  readonly format: PixelFormat;
  /** Bits that carry signal. */
  readonly significantBits: number;
  /** Levels of the barcode. */
  readonly black: number;
  readonly white: number;
  /** Draws all pixels. Formats of 16 bits get the samples. */
  draw(samples: Uint8Array | Uint16Array, moment: Moment): void;
}

/** Prepares a kind; `top` rows at the upper edge are covered by the barcode later. */
export type MakePattern = (width: number, height: number, top: number, seed: number) => Pattern;
