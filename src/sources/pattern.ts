// The `pattern` source: synthetic test pictures at a constant or a deliberately uneven rate, with a barcode that names each frame.
import { SluiceError } from '../core/errors.ts';
import { FORMATS } from '../core/frame.ts';
import { type Micros, parseDuration } from '../core/time.ts';
import { barcodeHeight, drawBarcode } from '../formats/barcode.ts';
import { checkerboard } from './pattern/checkerboard.ts';
import { BLOCK_US, beepBlock, drawFlash, flashes } from './pattern/flash-beep.ts';
import type { MakePattern } from './pattern/kind.ts';
import { microscope } from './pattern/microscope.ts';
import { noise } from './pattern/noise.ts';
import { random } from './pattern/random.ts';
import { squares } from './pattern/squares.ts';
import { testbars } from './pattern/testbars.ts';
import type { RunSource, SourceContext } from './source.ts';

/** Sound that is later than this is left out, µs. */
const LATEST_US = 2_000_000;

/** Kinds of picture. A new one is one file and one row here (and its name in the schema). */
const KINDS = { checkerboard, testbars, microscope, noise, squares } as const satisfies Record<string, MakePattern>;

/** Settings of the source, as the schema gives them. */
export interface PatternParams {
  readonly kind: keyof typeof KINDS;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  readonly barcode: boolean;
  readonly seed: number;
  /** Shortest and longest interval in ms, drawn at random, instead of a constant rate. */
  readonly vary?: readonly [number, number] | undefined;
  /** Share of frames left out, 0 to 0.99. */
  readonly drop: number;
  /** No frames for `length`, at the end of each `every`: durations such as `10s`. */
  /** A beep and a flash each whole second of capture time. */
  readonly audio?: boolean | undefined;
  /** Hz, 0 = none. */
  readonly tone?: number | undefined;
  readonly gap?: { readonly every: string | number; readonly length: string | number } | undefined;
}

/** Makes test pictures until aborted. `bad-value` if `vary` or `gap` contradict themselves. */
export const run: RunSource<PatternParams> = async (context) => {
  const { params, clock, signal } = context;
  const { width, height } = params;
  const top = params.barcode ? barcodeHeight(width) : 0;
  const pattern = KINDS[params.kind](width, height, Math.min(top, height), params.seed);
  const wide = FORMATS[pattern.format].depth === 16;
  const channels = FORMATS[pattern.format].channels;
  // With sound, pictures lie on whole seconds too, and their times are those that were planned.
  const start = params.audio ? ((Math.floor(clock.now() / 1e6) * 1e6) as Micros) : clock.now();
  const schedule = new Schedule(params, start);
  const sound = params.audio ? beep(context) : null;
  while (!signal.aborted) {
    const due = schedule.next(clock.now());
    await context.until(due);
    if (signal.aborted) break;
    if (schedule.silent(due)) continue;
    const draft = await context.begin(pattern.format, width, height);
    if (!draft) continue;
    const timestamp = params.audio ? due : clock.now();
    const moment = { id: draft.id, timestamp, elapsed: (timestamp - start) / 1_000_000 };
    const samples = wide ? samples16(draft.pixels) : draft.pixels;
    pattern.draw(samples, moment);
    if (params.audio) drawFlash(samples, pattern.format, width, height, flashes(timestamp), pattern);
    if (params.barcode) {
      drawBarcode(samples, width, channels, { frame: draft.id, timeMs: timestamp / 1000, tag: 1 }, pattern.black, pattern.white);
    }
    // A slot at an odd address cannot be seen as 16-bit samples: such a picture is drawn beside it.
    if (samples.buffer !== draft.pixels.buffer) draft.pixels.set(new Uint8Array(samples.buffer));
    draft.publish(timestamp, { significantBits: pattern.significantBits });
  }
  await sound;
};

/** Blocks of sound, each when its last sample has been captured, until aborted. After a late wake-up those that are due come at once. */
async function beep({ params, clock, signal, until, sound }: SourceContext<PatternParams>): Promise<void> {
  let at = Math.ceil(clock.now() / BLOCK_US) * BLOCK_US;
  while (!signal.aborted) {
    await until((at + BLOCK_US) as Micros);
    for (const now = clock.now(); at + BLOCK_US <= now && !signal.aborted; at += BLOCK_US) {
      // Nobody makes up for more than that.
      if (now - at < LATEST_US) sound(beepBlock(at as Micros, params.tone ?? 0));
    }
  }
}

function samples16(pixels: Uint8Array): Uint16Array {
  return pixels.byteOffset % 2 === 0
    ? new Uint16Array(pixels.buffer, pixels.byteOffset, pixels.byteLength >> 1)
    : new Uint16Array(pixels.byteLength >> 1);
}

/** When frames are due: free of drift, and after a late wake-up it goes on with the next frame instead of making up for the missed ones. */
export class Schedule {
  readonly #start: number;
  readonly #interval: number;
  readonly #vary: { least: number; most: number; next: () => number } | undefined;
  readonly #drop: number;
  readonly #gap: { every: number; length: number } | undefined;
  readonly #dice: () => number;
  #tick = -1;
  #due: number;

  constructor(params: Pick<SourceContext<PatternParams>['params'], 'fps' | 'vary' | 'drop' | 'gap' | 'seed'>, start: Micros) {
    this.#start = start;
    this.#due = start;
    this.#interval = 1_000_000 / params.fps;
    if (params.vary) {
      const [least, most] = params.vary;
      if (least > most) {
        throw new SluiceError('bad-value', `vary: [${least}, ${most}] received; expected the shortest interval first, then the longest`, {
          field: 'vary',
          received: params.vary,
        });
      }
      this.#vary = { least: least * 1000, most: most * 1000, next: random(params.seed, 11) };
    }
    this.#drop = params.drop;
    this.#dice = random(params.seed, 12);
    if (params.gap) {
      const every = parseDuration(params.gap.every, 'gap.every') * 1000;
      const length = parseDuration(params.gap.length, 'gap.length') * 1000;
      if (every <= length) {
        throw new SluiceError(
          'bad-value',
          `gap.length: ${params.gap.length} received; expected less than gap.every (${params.gap.every})`,
          {
            field: 'gap.length',
            received: params.gap.length,
          },
        );
      }
      this.#gap = { every, length };
    }
  }

  /** Time of the next frame. At most one frame that is already late is given out. */
  next(now: Micros): Micros {
    if (this.#vary) {
      const { least, most, next } = this.#vary;
      const interval = least + (most - least) * next();
      if (this.#tick >= 0) this.#due += interval;
      // Late by more than a whole interval: the missed ones are gone.
      if (now - this.#due > interval) this.#due = now;
      this.#tick = 0;
      return Math.round(this.#due) as Micros;
    }
    this.#tick = Math.max(this.#tick + 1, Math.floor((now - this.#start) / this.#interval));
    return Math.round(this.#start + this.#tick * this.#interval) as Micros;
  }

  /** Whether the frame that is due at this time is left out on purpose. Ask once per frame. */
  silent(due: Micros): boolean {
    const dropped = this.#drop > 0 && this.#dice() < this.#drop;
    if (this.#gap && (due - this.#start) % this.#gap.every >= this.#gap.every - this.#gap.length) return true;
    return dropped;
  }
}
