// Capture times of units that come with times of a transport stream. Where the stream comes from a Sluice the picture says its own; otherwise
// the sender's clock is mapped to ours, so that times keep the spacing of the stream however it arrives.
import { DeviceClock } from '../../core/device-clock.ts';
import type { Micros } from '../../core/time.ts';
import type { Identity } from '../../formats/identity.ts';

/** Ticks of 90 kHz as µs. */
export function ticksToMicros(ticks: number): number {
  return (ticks * 100) / 9;
}

/** A time may lie so far ahead of the arrival, µs: clocks of two machines differ, and a sender may run ahead a little. */
const MAX_AHEAD_US = 1_000_000;
/** Least distance of two capture times where they would not rise, µs. */
const APART_US = 1000;

export class CaptureTimes {
  readonly #device = new DeviceClock();
  /** A picture or block whose capture time is known. */
  #anchor: { readonly ticks: number; readonly time: number } | null = null;
  /** Decoding time of the newest unit that the clock has seen. */
  #seen = Number.NEGATIVE_INFINITY;
  /** Decoding time of the last unit of a burst that is not over yet. */
  #burst: number | null = null;
  #last = 0;

  /** Whether any time is known yet. */
  get known(): boolean {
    return this.#anchor !== null;
  }

  /** The newest of a burst that came at once: it alone tells how the clocks lie, those before it keep their distance to it. */
  burst(ticks: number, arrival: Micros): void {
    this.#observe(ticks, arrival);
    this.#burst = ticks;
  }

  /** Tells the clock that a unit has come; `ticks`: its decoding time. */
  #observe(ticks: number, arrival: Micros): void {
    if (ticks <= this.#seen && this.#seen - ticks < 90_000) return;
    try {
      const answer = this.#device.map(Math.round(ticksToMicros(ticks)), arrival);
      if (answer.accepted) this.#anchor = { ticks, time: answer.timestamp };
    } catch {
      // A clock of another unit: times of arrival are the best that there is.
      this.#device.begin();
      this.#anchor = { ticks, time: arrival };
    }
    this.#seen = ticks;
    if (this.#anchor && this.#anchor.time > arrival + MAX_AHEAD_US) {
      // Faster than real time: what is sent here was not captured at the pace of its times.
      this.#device.begin();
      this.#anchor = { ticks, time: arrival };
    }
  }

  /** Of a unit that has come: ticks of decoding and of showing, and what the picture says of itself. */
  of(dts: number, pts: number, arrival: Micros, identity: Identity | null = null): Micros {
    if (this.#burst !== null && dts >= this.#burst) this.#burst = null;
    if (!identity && this.#burst === null) this.#observe(dts, arrival);
    // A repeat has the capture time of the picture and the time of the moment: the sound beside it is not placed by it.
    if (identity && !identity.repeat) this.#anchor = { ticks: pts, time: identity.timestamp };
    return identity?.timestamp ?? this.at(pts) ?? arrival;
  }

  /** Where a moment of the stream lies; `null` before the first unit. */
  at(ticks: number): Micros | null {
    return this.#anchor ? (Math.round(this.#anchor.time + ticksToMicros(ticks - this.#anchor.ticks)) as Micros) : null;
  }

  /** Pictures in the order of showing: the time, moved on where it would not rise. */
  rising(time: Micros): Micros {
    const behind = this.#last - time;
    // Far behind is another clock: that is for the stream to judge.
    const rising = behind >= 0 && behind < MAX_AHEAD_US * 3 ? this.#last + APART_US : time;
    this.#last = rising;
    return rising as Micros;
  }
}
