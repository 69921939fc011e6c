// The sound of a channel: decoded and handed on at its time. It waits for the first picture, because that tells the time.
import { SluiceError } from '../../core/errors.ts';
import type { Micros } from '../../core/time.ts';
import type { TsUnit } from '../../formats/mpegts.ts';
import { type DecodedSound, type LiveSound, SoundDecoder } from '../../native/ffmpeg-sound.ts';
import type { SourceContext } from '../source.ts';
import type { AvGuard } from './av-guard.ts';
import { type CaptureTimes, ticksToMicros } from './capture-times.ts';

export interface SoundCounts {
  /** Packets that came. */
  received: number;
  /** Blocks that were handed on. */
  blocks: number;
  failed: number;
  /** Blocks that did not fit to the pictures. */
  dropped: number;
}

/** Blocks that may wait for the first picture. */
const MAX_HELD = 100;

export class Sounds implements Disposable {
  readonly counts: SoundCounts = { received: 0, blocks: 0, failed: 0, dropped: 0 };
  readonly #context: SourceContext<unknown>;
  readonly #times: CaptureTimes;
  readonly #guard: AvGuard;
  #decoder: SoundDecoder | null = null;
  #key = '';
  #cannot = '';
  #held: DecodedSound[] = [];

  constructor(context: SourceContext<unknown>, times: CaptureTimes, guard: AvGuard) {
    this.#context = context;
    this.#times = times;
    this.#guard = guard;
  }

  /** Why there is no sound; `null` = nothing is wrong. */
  get error(): string | null {
    return this.#cannot || this.#guard.off;
  }

  async take({ track, pts, dts, data }: TsUnit, arrival: Micros, hasPictures: boolean): Promise<void> {
    this.counts.received++;
    const key = `${track.codec} ${track.channels ?? 0}`;
    if (key !== this.#key) await this.#open(track.codec as LiveSound, track.channels ?? 2, key);
    const decoder = this.#decoder;
    if (!decoder) return;
    // Without pictures it tells the time itself.
    if (!hasPictures) this.#times.of(dts, pts, arrival);
    if (!decoder.sendBytes(data, pts)) {
      this.counts.failed++;
      return;
    }
    while (decoder.receive() === 'block') this.#place(decoder.current, pts, hasPictures);
  }

  /** A picture was shown: what waited for it can be placed. */
  release(): void {
    if (this.#held.length === 0 || !this.#times.known) return;
    const held = this.#held;
    this.#held = [];
    for (const sound of held) this.#place(sound, 0, true);
  }

  #place(sound: DecodedSound, unitPts: number, hasPictures: boolean): void {
    const pts = sound.time === null ? unitPts : (sound.time * 9) / 100;
    const fate = this.#guard.sound(pts, hasPictures);
    if (fate === 'hold') {
      this.#held.push({ ...sound, time: ticksToMicros(pts) });
      if (this.#held.length > MAX_HELD) {
        this.#held.shift();
        this.counts.dropped++;
      }
      return;
    }
    const timestamp = fate === 'drop' ? null : this.#times.at(pts);
    if (timestamp === null) {
      this.counts.dropped++;
      return;
    }
    const { rate, planes } = sound;
    this.counts.blocks++;
    this.#context.sound({ timestamp, rate, channels: planes.length, samples: planes[0]!.length, format: 'fltp', data: planes });
  }

  async #open(codec: LiveSound, channels: number, key: string): Promise<void> {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = null;
    this.#key = key;
    this.#cannot = '';
    try {
      this.#decoder = await SoundDecoder.openLive(codec, channels);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      // Pictures go on without it.
      this.#cannot = error.message;
    }
  }

  [Symbol.dispose](): void {
    this.#decoder?.[Symbol.dispose]();
    this.#decoder = null;
    this.#held = [];
  }
}
