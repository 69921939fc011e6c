// The server's clock as seen by the page: from round trips of `ping` and `pong`. Each says the offset to half its length; the shortest ones of
// the last minutes say how the two clocks drift apart. It runs on the page's monotonic clock, so a step of the viewer's system time moves
// nothing.

const KEEP_MS = 300_000;
const MAX_SAMPLES = 96;
/** Two clocks run apart by at most so much: crystals, and the slewing of the server's clock. Parts per million. */
const DRIFT_PPM = 500;
/** The same when it was measured, beyond the doubt of the measurement: temperature changes it. */
const FITTED_PPM = 20;
/** From fewer or nearer round trips no drift is read. */
const FIT_SAMPLES = 5;
const FIT_SPAN_MS = 20_000;
/** Beyond what was possible by so much, and the server has another clock: it was started anew. */
const OTHER_CLOCK_MS = 2;

interface RoundTrip {
  readonly at: number;
  readonly rtt: number;
  /** Server ms minus page ms, in the middle of the round trip. */
  readonly offset: number;
}

/** Estimate of the server's UTC. All page times are `performance.now()` in ms. */
export class ServerClock {
  readonly #pageNow: () => number;
  #trips: RoundTrip[] = [];
  /** Least doubtful round trip as seen from the newest one. */
  #best: RoundTrip | undefined;
  /** Server ms per page ms, beyond 1; `null`: not known yet. */
  #drift: number | null = null;
  /** How far that may be off. */
  #driftDoubt = DRIFT_PPM / 1e6;

  constructor(pageNow: () => number = () => performance.now()) {
    this.#pageNow = pageNow;
  }

  /** True once there was a round trip. */
  get known(): boolean {
    return this.#best !== undefined;
  }

  /** The shortest round trip of the last minutes, ms. */
  get roundTripMs(): number | null {
    return this.#trips.length ? Math.min(...this.#trips.map((trip) => trip.rtt)) : null;
  }

  /** How far the estimate may be off now, ms. */
  get doubtMs(): number | null {
    return this.#best ? this.#doubt(this.#best, this.#pageNow()) : null;
  }

  /** How much faster than the page's the server's clock runs, parts per million. */
  get driftPpm(): number | null {
    return this.#drift === null ? null : this.#drift * 1e6;
  }

  /** The server's clock minus another clock that shows `wallMs` now (default: the system clock of this computer), ms. */
  offsetMs(wallMs: number = systemMs()): number | null {
    const now = this.#at(this.#pageNow());
    return now === null ? null : now - wallMs;
  }

  /** A round trip: page times of sending and receiving, and the server's µs UTC in between. Impossible ones are ignored. */
  sample(sentMs: number, receivedMs: number, serverMicros: number): void {
    const rtt = receivedMs - sentMs;
    if (!(rtt >= 0) || !Number.isFinite(serverMicros)) return;
    const at = (sentMs + receivedMs) / 2;
    const trip = { at, rtt, offset: serverMicros / 1000 - at };
    const expected = this.#at(at);
    if (this.#best && expected !== null && Math.abs(expected - at - trip.offset) > this.#doubt(this.#best, at) + rtt / 2 + OTHER_CLOCK_MS) {
      this.#trips = [];
      this.#drift = null;
      this.#driftDoubt = DRIFT_PPM / 1e6;
    }
    this.#trips = [...this.#trips.filter((other) => at - other.at <= KEEP_MS), trip].slice(-MAX_SAMPLES);
    this.#fit();
    this.#best = this.#trips.reduce((best, other) => (this.#doubt(other, at) <= this.#doubt(best, at) ? other : best));
  }

  /** Server µs UTC at a page time (default: now); `null` before the first round trip. */
  now(pageMs: number = this.#pageNow()): number | null {
    const ms = this.#at(pageMs);
    return ms === null ? null : Math.round(ms * 1000);
  }

  /** Page time in ms of a server time. */
  pageTime(serverMicros: number): number | null {
    const best = this.#best;
    if (!best) return null;
    return best.at + (serverMicros / 1000 - best.offset - best.at) / (1 + (this.#drift ?? 0));
  }

  #at(pageMs: number): number | null {
    const best = this.#best;
    return best ? pageMs + best.offset + (pageMs - best.at) * (this.#drift ?? 0) : null;
  }

  #doubt(trip: RoundTrip, at: number): number {
    return trip.rtt / 2 + Math.abs(at - trip.at) * this.#driftDoubt;
  }

  /** The drift, from round trips that are hardly longer than the shortest: the others say more about the network than about clocks. */
  #fit(): void {
    const limit = this.roundTripMs! * 1.25 + 0.3;
    const good = this.#trips.filter((trip) => trip.rtt <= limit);
    const [first] = good;
    const span = first ? good.at(-1)!.at - first.at : 0;
    if (good.length < FIT_SAMPLES || span < FIT_SPAN_MS) return;
    const mean = (value: (trip: RoundTrip) => number) => good.reduce((sum, trip) => sum + value(trip), 0) / good.length;
    const at = mean((trip) => trip.at);
    const offset = mean((trip) => trip.offset - first!.offset);
    const spread = mean((trip) => (trip.at - at) ** 2);
    // Each of them is off by half its length at most: so far that can bend the line.
    const bent = ((limit / 2) * mean((trip) => Math.abs(trip.at - at))) / spread;
    if (bent > DRIFT_PPM / 1e6) return;
    const slope = mean((trip) => (trip.at - at) * (trip.offset - first!.offset - offset)) / spread;
    this.#drift = Math.max(-DRIFT_PPM / 1e6, Math.min(DRIFT_PPM / 1e6, slope));
    this.#driftDoubt = FITTED_PPM / 1e6 + bent;
  }
}

/** System clock in ms. `performance` gives fractions, but keeps the UTC of the page's start; after a step Date rules. */
function systemMs(): number {
  const fine = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  return Math.abs(fine - coarse) < 3 ? fine : coarse + 0.5;
}
