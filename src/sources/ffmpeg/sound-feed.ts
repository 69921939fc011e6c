// Hands on the sound of an input on the clock of its pictures: of paced inputs each block when its last sample is due, of live ones at once.
import type { Micros } from '../../core/time.ts';
import type { DecodedSound } from '../../native/ffmpeg-sound.ts';
import type { SourceContext } from '../source.ts';
import type { MediaClock } from './media-clock.ts';

/** Blocks that may wait for their time or for the first picture; beyond it the oldest go. */
const LIMIT = 1000;
/** Sound may be decoded so far ahead of its time, µs: files lay some seconds of it in front of its pictures. */
const AHEAD_US = 5_000_000;

interface Waiting {
  readonly time: number;
  readonly sound: DecodedSound;
}

export class SoundFeed {
  readonly #context: Pick<SourceContext<unknown>, 'clock' | 'until' | 'sound' | 'signal'>;
  readonly #clock: MediaClock;
  readonly #paced: boolean;
  readonly #original: boolean;
  #waiting: Waiting[] = [];
  /** Where a block without a time lies, µs of the input. */
  #next = 0;
  /** When the newest picture ends, µs. */
  #shownUntil = 0;
  #count = 0;

  /** `original`: the times of the input are capture times, and hold. */
  constructor(
    context: Pick<SourceContext<unknown>, 'clock' | 'until' | 'sound' | 'signal'>,
    clock: MediaClock,
    paced: boolean,
    original = false,
  ) {
    this.#original = original;
    this.#context = context;
    this.#clock = clock;
    this.#paced = paced;
  }

  /** Blocks that were handed on. */
  get count(): number {
    return this.#count;
  }

  /** Takes a block that was decoded just now. Without pictures it tells the time itself. */
  async add(sound: DecodedSound, besidePictures: boolean): Promise<void> {
    const { clock } = this.#context;
    const time = sound.time ?? this.#next;
    this.#next = time + sound.duration;
    if (!besidePictures) {
      const capture = this.#clock.map(sound.time, sound.duration, clock.now());
      if (capture === null) return;
      if (this.#paced) await this.#context.until((capture + sound.duration) as Micros);
      return this.#give(capture, sound, time);
    }
    this.#waiting.push({ time, sound });
    if (this.#waiting.length > LIMIT) this.#waiting.shift();
    if (!this.#paced) return this.release();
    // Where pictures end before the sound does, it is paced by itself.
    const capture = this.#clock.at(time);
    if (capture !== null && capture > clock.now() + AHEAD_US) await this.until((capture - AHEAD_US) as Micros);
    else this.release(clock.now());
  }

  /** A picture is shown at this time, for so long (µs). */
  shows(capture: Micros, duration: number): void {
    this.#shownUntil = capture + duration;
  }

  /** Waits until a time of the clock and hands on what is due before. */
  async until(time: Micros): Promise<void> {
    for (;;) {
      const end = this.#end();
      if (end === null || end >= time || this.#context.signal.aborted) break;
      await this.#context.until(end);
      this.release(end);
    }
    await this.#context.until(time);
  }

  /** Hands on what has its time, as far as it ends before `until`. */
  release(until = Number.POSITIVE_INFINITY): void {
    for (let end = this.#end(); end !== null && end <= until; end = this.#end()) {
      const { time, sound } = this.#waiting.shift()!;
      this.#give(this.#clock.at(time)!, sound, time);
    }
  }

  /** The input is over: what is left is played. `cut`: only as far as its pictures reach, because they begin again. */
  async finish(cut: boolean): Promise<void> {
    for (let end = this.#end(); end !== null && !this.#context.signal.aborted; end = this.#end()) {
      const { time, sound } = this.#waiting.shift()!;
      const capture = this.#clock.at(time)!;
      if (cut && end > this.#shownUntil) break;
      if (this.#paced) await this.#context.until(end);
      this.#give(capture, sound, time);
    }
    this.#waiting = [];
  }

  /** When the oldest block is over; `null`: there is none, or no picture has told the time yet. */
  #end(): Micros | null {
    const first = this.#waiting[0];
    const capture = first ? this.#clock.at(first.time) : null;
    return capture === null ? null : (Math.round(capture + first!.sound.duration) as Micros);
  }

  #give(capture: Micros, { rate, planes }: DecodedSound, time: number): void {
    const timestamp = this.#original ? (Math.round(time) as Micros) : capture;
    if (this.#context.signal.aborted) return;
    this.#count++;
    this.#context.sound({ timestamp, rate, channels: planes.length, samples: planes[0]!.length, format: 'fltp', data: planes });
  }
}
