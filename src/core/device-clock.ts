// Maps a camera's own clock (µs, any zero) to UTC, from pairs of device time and time of arrival. A frame is never early, only late, so the
// truth lies along the lower edge of what was seen: the line that no pair lies below and that is nearest to all of them.
import { SluiceError } from './errors.ts';
import type { Micros } from './time.ts';

/** Of each span so long only the pair with the least delay counts, µs. */
const BUCKET_US = 500_000;
/** The line is drawn along so many pairs at most: two minutes at video rates. */
const MAX_BUCKETS = 240;
const MAX_AGE_US = 600_000_000;
/** From pairs that lie nearer together no drift is read: jitter would look like it. */
const MIN_SPAN_US = 3_000_000;
/** Crystals are off by 100 ppm at most; what is more is not drift. */
const MAX_DRIFT = 0.001;
/** So many frames and the line is worth more than a single frame that contradicts it. */
const SETTLED_FRAMES = 30;
/** Least contradiction that is not noise, µs: before and after the line has settled. */
const EARLY_CONTRADICTION_US = 500_000;
const CONTRADICTION_US = 20_000;
/** If no frame of so long a time touches the line any more, it lies too low, µs. */
const LATE_FOR_US = 10_000_000;
/** The clock went back by more than this: a step. Less may be frames out of order, µs. */
const BACK_US = 1_000_000;
/** So many frames in a row behind their predecessor are a step too. */
const BACK_FRAMES = 3;
/** The unit of a clock is judged by so many frames at most. */
const UNIT_FRAMES = 2000;
/** The mapping moves by at most this share of the time between two frames, so that times rise evenly. */
const SLEW = 0.25;

interface Pair {
  readonly device: number;
  /** Time of arrival minus device time. */
  readonly offset: number;
}

interface Line {
  /** Device time at which `offset` holds. */
  readonly at: number;
  readonly offset: number;
  /** Seconds that UTC gains on the device clock per second. */
  readonly drift: number;
}

export type DeviceAnswer =
  | { readonly accepted: true; readonly timestamp: Micros; readonly stepped: boolean }
  | { readonly accepted: false; readonly detail: string };

/** State of a mapping, for the statistics. */
export interface DeviceClockState {
  /** UTC minus device time now, µs. */
  readonly offset: number;
  /** How much too fast (+) or too slow (-) the device clock runs, parts per million; `null` while too little was seen. */
  readonly driftPpm: number | null;
  /** Mean delay of the least delayed frames behind the line, ms: how well the mapping fits. */
  readonly residualMs: number;
  /** Steps of the device clock since the server started. */
  readonly steps: number;
  /** Frames seen by this mapping. */
  readonly frames: number;
}

/** Reads a device time from outside. Throws `bad-timestamp`. */
export function parseDeviceTimestamp(value: unknown, field = 'deviceTimestamp'): number {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  const shown = typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 60) : `a value of type ${typeof value}`;
  throw new SluiceError(
    'bad-timestamp',
    `${field}: ${shown} received; expected an integer number of µs of the camera's own clock (any zero)`,
    {
      field,
      received: typeof value === 'string' || typeof value === 'number' ? value : typeof value,
    },
  );
}

export class DeviceClock {
  #buckets: Pair[] = [];
  #bucketStart = 0;
  #line: Line | null = null;
  /** Drift of an earlier mapping of the same connection: a step does not change the crystal. */
  #knownDrift: number | null = null;
  #frames = 0;
  /** Intervals of the device clock at the beginning of a connection, until its unit is sure. */
  #unit: { started: number; intervals: number[]; wrong: string | null } | null = null;
  #last: { device: number; arrival: number; offset: number; timestamp: number } | null = null;
  #interval = 0;
  #back = 0;
  #touched = 0;
  #untouched = 0;
  #steps = 0;
  /** Newest time that was given out by any mapping. */
  #newest = 0;

  /** Forgets the mapping: another connection is another clock. */
  begin(): void {
    this.#restart(null);
    this.#last = null;
    this.#unit = null;
  }

  /** `null` before the first frame of a connection. */
  get state(): DeviceClockState | null {
    const line = this.#line;
    if (!line || !this.#last) return null;
    const above = this.#buckets.map((pair) => pair.offset - offsetAt(line, pair.device));
    return {
      offset: Math.round(this.#last.offset),
      driftPpm: this.#drift === null ? null : -this.#drift * 1e6,
      residualMs: above.length ? above.reduce((sum, value) => sum + value, 0) / above.length / 1000 : 0,
      steps: this.#steps,
      frames: this.#frames,
    };
  }

  /**
   * Capture time of a frame that came at `arrival`. A device clock that was set begins a new mapping (`stepped`); one that stands or runs
   * back a little is not accepted. Throws `bad-timestamp` for a clock that does not count microseconds.
   */
  map(device: number, arrival: Micros): DeviceAnswer {
    const last = this.#last;
    const passed = last ? device - last.device : 0;
    let stepped = false;
    this.#checkUnit(device, passed, arrival);
    if (last && passed <= 0) {
      this.#back++;
      if (passed > -BACK_US && this.#back < BACK_FRAMES) {
        return { accepted: false, detail: `deviceTimestamp ${device} is not later than the one before (${last.device}); it must rise` };
      }
      stepped = true;
    } else if (last && this.#contradicts(device, arrival)) {
      // The delay cannot have become negative: if the device clock went ahead of the arrivals within one frame it was set, else the
      // earlier frames had all been held up.
      stepped = passed - (arrival - last.arrival) > this.#contradiction + 1.5 * this.#interval;
      if (!stepped) this.#restart(this.#drift);
    }
    this.#back = 0;
    if (stepped) {
      this.#steps++;
      this.#restart(this.#drift);
    }
    this.#add(device, arrival);
    const wanted = offsetAt(this.#line!, device);
    // Small corrections come in evenly; a step and the first frame take the offset as it is.
    const limit = Math.max(0, passed) * SLEW;
    const offset = !last || stepped ? wanted : last.offset + Math.max(-limit, Math.min(limit, wanted - last.offset));
    const timestamp = Math.max(Math.round(device + offset), this.#newest + 1);
    this.#newest = timestamp;
    if (last && !stepped) this.#interval = this.#interval ? this.#interval + (passed - this.#interval) * 0.1 : passed;
    this.#last = { device, arrival, offset, timestamp };
    return { accepted: true, timestamp: timestamp as Micros, stepped };
  }

  get #contradiction(): number {
    return this.#frames < SETTLED_FRAMES ? EARLY_CONTRADICTION_US : CONTRADICTION_US;
  }

  get #drift(): number | null {
    return this.#span >= MIN_SPAN_US ? (this.#line?.drift ?? null) : this.#knownDrift;
  }

  get #span(): number {
    return this.#buckets.length > 1 ? this.#buckets.at(-1)!.device - this.#buckets[0]!.device : 0;
  }

  /** Whether a frame came earlier than the line allows. After a pause the drift may have changed a little. */
  #contradicts(device: number, arrival: number): boolean {
    const line = this.#line;
    if (!line || !this.#last) return false;
    const doubt = this.#contradiction + (arrival - this.#last.arrival) * (this.#drift === null ? MAX_DRIFT : 0.0001);
    return arrival - device < offsetAt(line, device) - doubt;
  }

  #restart(drift: number | null): void {
    this.#buckets = [];
    this.#line = null;
    this.#knownDrift = drift;
    this.#frames = 0;
    this.#untouched = 0;
    this.#interval = 0;
    this.#back = 0;
  }

  /** Who sends milliseconds or nanoseconds is told so after the first second, instead of getting nonsense. */
  #checkUnit(device: number, passed: number, arrival: number): void {
    this.#unit ??= { started: arrival, intervals: [], wrong: null };
    const { started, intervals, wrong } = this.#unit;
    if (wrong === null && intervals.length <= UNIT_FRAMES && passed > 0) {
      intervals.push(passed);
      if (arrival - started < 1_000_000 || intervals.length < 5) return;
      // The middle one: a step or a pause at the beginning says nothing of the unit.
      const usual = intervals.toSorted((a, b) => a - b)[intervals.length >> 1]!;
      const ratio = (arrival - started) / intervals.length / usual;
      if (ratio > 300) this.#unit.wrong = 'milliseconds';
      else if (ratio < 1 / 300) this.#unit.wrong = 'nanoseconds';
      intervals.length = UNIT_FRAMES + 1;
    }
    if (!this.#unit.wrong) return;
    throw new SluiceError('bad-timestamp', `deviceTimestamp: ${device} looks like ${this.#unit.wrong}, as it rises; expected µs`, {
      field: 'deviceTimestamp',
      received: device,
    });
  }

  #add(device: number, arrival: number): void {
    const pair = { device, offset: arrival - device };
    const drift = this.#drift ?? 0;
    const newest = this.#buckets.at(-1);
    this.#frames++;
    if (!newest || arrival - this.#bucketStart >= BUCKET_US) {
      this.#bucketStart = arrival;
      this.#buckets.push(pair);
      const oldest = device - MAX_AGE_US;
      while (this.#buckets.length > MAX_BUCKETS || this.#buckets[0]!.device < oldest) this.#buckets.shift();
    } else if (pair.offset < newest.offset + drift * (device - newest.device)) this.#buckets[this.#buckets.length - 1] = pair;
    else return this.#checkTouch(pair, arrival);
    this.#fit();
    this.#checkTouch(pair, arrival);
  }

  #fit(): void {
    const [first] = this.#buckets;
    if (this.#span >= MIN_SPAN_US) {
      this.#line = lowerEdge(this.#buckets);
      return;
    }
    // Too short for a drift: along the known one (or none) as low as the lowest pair.
    const drift = this.#knownDrift ?? 0;
    let offset = Number.POSITIVE_INFINITY;
    for (const pair of this.#buckets) offset = Math.min(offset, pair.offset - drift * (pair.device - first!.device));
    this.#line = { at: first!.device, offset, drift };
  }

  /** A line that nothing touches any more: the clock was set back by less than a frame, or the way has become longer. */
  #checkTouch(pair: Pair, arrival: number): void {
    if (this.#frames <= 1 || pair.offset - offsetAt(this.#line!, pair.device) < CONTRADICTION_US) {
      this.#touched = arrival;
      this.#untouched = 0;
    } else this.#untouched++;
    if (arrival - this.#touched < LATE_FOR_US || this.#untouched < SETTLED_FRAMES) return;
    const drift = this.#drift;
    const recent = this.#buckets.filter((bucket) => bucket.device + bucket.offset > this.#touched);
    this.#restart(drift);
    this.#buckets = recent.length ? recent : [pair];
    this.#bucketStart = arrival;
    this.#touched = arrival;
    this.#frames = 1;
    this.#fit();
  }
}

function offsetAt(line: Line, device: number): number {
  return line.offset + line.drift * (device - line.at);
}

/**
 * The edge of the lower convex hull over the middle of all pairs: of the lines that no pair lies below, the one with the least sum of
 * distances. Pairs are in order of device time; at least two.
 */
function lowerEdge(pairs: readonly Pair[]): Line {
  const hull: Pair[] = [];
  for (const pair of pairs) {
    while (hull.length > 1) {
      const [a, b] = [hull[hull.length - 2]!, hull[hull.length - 1]!];
      if ((b.device - a.device) * (pair.offset - a.offset) > (pair.device - a.device) * (b.offset - a.offset)) break;
      hull.pop();
    }
    hull.push(pair);
  }
  const origin = pairs[0]!.device;
  const middle = pairs.reduce((sum, pair) => sum + (pair.device - origin), 0) / pairs.length + origin;
  let i = 0;
  while (i < hull.length - 2 && hull[i + 1]!.device < middle) i++;
  const [a, b] = [hull[i]!, hull[i + 1]!];
  const drift = (b.offset - a.offset) / (b.device - a.device);
  if (Math.abs(drift) <= MAX_DRIFT) return { at: a.device, offset: a.offset, drift };
  // Steeper than any clock: as low as the lowest pair along the steepest line that is believed.
  const limited = Math.sign(drift) * MAX_DRIFT;
  const offset = Math.min(...pairs.map((pair) => pair.offset - limited * (pair.device - origin)));
  return { at: origin, offset, drift: limited };
}
