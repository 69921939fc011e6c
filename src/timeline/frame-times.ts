// Which frame was captured when: the last half hour of a stream in two columns of doubles. Older frames are known to the DVR.

/** A frame's identity. */
export interface FrameTime {
  readonly id: number;
  /** Capture time, µs. */
  readonly timestamp: number;
}

const KEEP_US = 30 * 60 * 1_000_000;
const MAX_FRAMES = 1 << 18;
const FIRST_CAPACITY = 1024;

export class FrameTimes {
  #ids = new Float64Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY);
  #head = 0;
  #size = 0;
  /** Ids at which the clock was set back: between two of them times rise. */
  #steps: number[] = [];

  /** Notes a captured frame. Ids rise; times rise too unless the clock was set back. */
  add(id: number, timestamp: number): void {
    const newest = this.newest;
    if (newest && id <= newest.id) return;
    if (newest && timestamp <= newest.timestamp) this.#steps.push(id);
    while (this.#size && (this.#size >= MAX_FRAMES || Math.abs(timestamp - this.#timeOf(0)) > KEEP_US)) {
      this.#head = (this.#head + 1) % this.#ids.length;
      this.#size--;
    }
    if (this.#size === this.#ids.length) this.#grow();
    const slot = (this.#head + this.#size) % this.#ids.length;
    this.#ids[slot] = id;
    this.#times[slot] = timestamp;
    this.#size++;
    while (this.#steps.length && this.#steps[0]! <= this.#idOf(0)) this.#steps.shift();
  }

  get newest(): FrameTime | null {
    return this.#size ? { id: this.#idOf(this.#size - 1), timestamp: this.#timeOf(this.#size - 1) } : null;
  }

  get oldest(): FrameTime | null {
    return this.#size ? { id: this.#idOf(0), timestamp: this.#timeOf(0) } : null;
  }

  /** The frame of an id. */
  byId(id: number): FrameTime | null {
    const i = this.#last(0, this.#size, (at) => this.#idOf(at) <= id);
    return i >= 0 && this.#idOf(i) === id ? { id, timestamp: this.#timeOf(i) } : null;
  }

  /** The newest frame whose id is not above `id`. */
  before(id: number): FrameTime | null {
    const i = this.#last(0, this.#size, (at) => this.#idOf(at) <= id);
    return i < 0 ? null : { id: this.#idOf(i), timestamp: this.#timeOf(i) };
  }

  /** The frame shown at a time: the newest whose capture time is not later. Where the clock was set back, the newer run of frames counts. */
  at(timestamp: number): FrameTime | null {
    let to = this.#size;
    for (let step = this.#steps.length; step >= 0; step--) {
      const from = step === 0 ? 0 : this.#last(0, this.#size, (at) => this.#idOf(at) < this.#steps[step - 1]!) + 1;
      const i = this.#last(from, to, (at) => this.#timeOf(at) <= timestamp);
      if (i >= 0) return { id: this.#idOf(i), timestamp: this.#timeOf(i) };
      to = from;
    }
    return null;
  }

  /** Last place in [from, to) for which `holds`, if it holds for the first places and not for the others; -1 = none. */
  #last(from: number, to: number, holds: (at: number) => boolean): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low > from ? low - 1 : -1;
  }

  #idOf(at: number): number {
    return this.#ids[(this.#head + at) % this.#ids.length]!;
  }

  #timeOf(at: number): number {
    return this.#times[(this.#head + at) % this.#times.length]!;
  }

  #grow(): void {
    const ids = new Float64Array(this.#ids.length * 2);
    const times = new Float64Array(this.#ids.length * 2);
    for (let at = 0; at < this.#size; at++) {
      ids[at] = this.#idOf(at);
      times[at] = this.#timeOf(at);
    }
    this.#ids = ids;
    this.#times = times;
    this.#head = 0;
  }
}
