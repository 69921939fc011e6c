// The server's clock as seen by the page: from round trips of `ping` and `pong`, judged by the shortest one (as NTP does). It runs on the
// page's monotonic clock, so a step of the viewer's system time moves nothing.

/** Kept so long, because the two clocks drift apart: at 50 ppm by 6 ms in 2 minutes. */
const KEEP_MS = 120_000;
const MAX_SAMPLES = 64;

interface RoundTrip {
  readonly at: number;
  readonly rtt: number;
  /** Server µs minus page µs. */
  readonly offset: number;
}

/** Estimate of the server's UTC. All page times are `performance.now()` in ms. */
export class ServerClock {
  readonly #pageNow: () => number;
  #trips: RoundTrip[] = [];
  #best: RoundTrip | undefined;

  constructor(pageNow: () => number = () => performance.now()) {
    this.#pageNow = pageNow;
  }

  /** True once there was a round trip. */
  get known(): boolean {
    return this.#best !== undefined;
  }

  /** The shortest round trip in ms: the estimate is at most half of it off. */
  get roundTripMs(): number | null {
    return this.#best?.rtt ?? null;
  }

  /** A round trip: page times of sending and receiving, and the server's µs UTC in between. Impossible ones are ignored. */
  sample(sentMs: number, receivedMs: number, serverMicros: number): void {
    const rtt = receivedMs - sentMs;
    if (!(rtt >= 0) || !Number.isFinite(serverMicros)) return;
    this.#trips.push({ at: receivedMs, rtt, offset: serverMicros - ((sentMs + receivedMs) / 2) * 1000 });
    this.#trips = this.#trips.filter((trip) => receivedMs - trip.at <= KEEP_MS).slice(-MAX_SAMPLES);
    this.#best = this.#trips.reduce((best, trip) => (trip.rtt <= best.rtt ? trip : best));
  }

  /** Server µs UTC at a page time (default: now); `null` before the first round trip. */
  now(pageMs: number = this.#pageNow()): number | null {
    return this.#best ? Math.round(pageMs * 1000 + this.#best.offset) : null;
  }

  /** Page time in ms of a server time. */
  pageTime(serverMicros: number): number | null {
    return this.#best ? (serverMicros - this.#best.offset) / 1000 : null;
  }
}
