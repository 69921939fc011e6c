// Figures of the pictures that are shown: latency, rate, freezes, bits, losses, over the last seconds. Writing costs a few numbers for each
// picture; everything else is worked out when somebody asks.
import type { TransportStats } from './transport.ts';

/** Over so much time latencies and losses are told, ms. */
const LATENCY_MS = 10_000;
/** Rates of frames and bits, ms. */
const RATE_MS = 3000;
/** Room for 10 s at 100 fps. */
const FRAMES = 1024;
/** A pause counts as a freeze if it is longer than this many times the mean, and by so much longer (W3C webrtc-stats, freezeCount). */
const FREEZE_TIMES = 3;
const FREEZE_MS = 150;
/** Pauses that the mean is made of, and the least number of them. */
const MEAN_OF = 30;
const MEAN_LEAST = 5;

export interface FigureValues {
  /** ms from capture to screen over the last 10 s; `null`: nothing live was shown, or the server's clock is not known. */
  readonly latency: { readonly p50: number; readonly p95: number } | null;
  /** New frames per second. */
  readonly fps: number | null;
  /** bit/s received. */
  readonly bitrate: number | null;
  /** Frames per second that came and were not shown. */
  readonly droppedPerSecond: number | null;
  /** Share of packets lost over the last 10 s, 0..1; `null` where the transport does not know. */
  readonly lost: number | null;
  /** Packets that came again, per second. */
  readonly resendsPerSecond: number | null;
  /** Times that the picture stood still since the transport was opened, and how long. */
  readonly freezes: number;
  readonly frozenMs: number;
}

type Counters = Pick<TransportStats, 'atMs' | 'bytes' | 'dropped' | 'network'>;

export class Figures {
  readonly #at = new Float64Array(FRAMES);
  readonly #latency = new Float64Array(FRAMES);
  #count = 0;
  #samples: Counters[] = [];
  #lastMs: number | null = null;
  #meanMs = 0;
  #gaps = 0;
  #freezes = 0;
  #frozenMs = 0;

  /** A new frame is on the screen at the page's time `atMs`. `latencyMs`: capture to screen, `null` where it is not known or not live. */
  shown(atMs: number, latencyMs: number | null): void {
    const i = this.#count++ % FRAMES;
    this.#at[i] = atMs;
    this.#latency[i] = latencyMs ?? Number.NaN;
    const last = this.#lastMs;
    this.#lastMs = atMs;
    if (last === null) return;
    const gap = Math.max(0, atMs - last);
    if (this.#gaps >= MEAN_LEAST && gap > Math.max(FREEZE_TIMES * this.#meanMs, this.#meanMs + FREEZE_MS)) {
      this.#freezes++;
      this.#frozenMs += gap;
    }
    this.#gaps = Math.min(MEAN_OF, this.#gaps + 1);
    this.#meanMs += (gap - this.#meanMs) / this.#gaps;
  }

  /** The counters of the transport now; the same ones again count once. */
  sample(counters: Counters): void {
    const last = this.#samples.at(-1);
    if (last && counters.atMs <= last.atMs) return;
    if (last && counters.bytes < last.bytes) this.#samples = [];
    this.#samples.push(counters);
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= counters.atMs - LATENCY_MS) this.#samples.shift();
  }

  /** The picture stands still because somebody wants that. */
  pause(): void {
    this.#lastMs = null;
  }

  /** Another transport begins. */
  reset(): void {
    this.#count = this.#gaps = this.#meanMs = this.#freezes = this.#frozenMs = 0;
    this.#samples = [];
    this.#lastMs = null;
  }

  /** Latencies in ms of the frames shown after the page's time `sinceMs`, oldest first; at most `limit` of them, at even distances. */
  latencies(sinceMs: number, limit: number): number[] {
    const values: number[] = [];
    this.#each(sinceMs, (_at, latency) => {
      if (!Number.isNaN(latency)) values.push(latency);
    });
    if (values.length <= limit) return values;
    return Array.from({ length: limit }, (_, i) => values[Math.floor(((i + 0.5) * values.length) / limit)]!);
  }

  /** Number of new frames shown after the page's time `sinceMs`. */
  framesSince(sinceMs: number): number {
    let frames = 0;
    this.#each(sinceMs, () => frames++);
    return frames;
  }

  /** @param now page time, ms */
  read(now: number): FigureValues {
    const sorted = Float64Array.from(this.latencies(now - LATENCY_MS, FRAMES)).sort();
    const first = this.#samples.find(({ atMs }) => atMs >= now - RATE_MS - 500);
    const last = this.#samples.at(-1);
    // Right after the beginning the transport has no report yet.
    const told = this.#samples.find(({ network }) => network !== null);
    const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0;
    const rate = (of: (counters: Counters) => number) =>
      first && last && seconds > 0.2 ? Math.max(0, (of(last) - of(first)) / seconds) : null;
    return {
      latency: sorted.length ? { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) } : null,
      fps: this.#fps(now),
      bitrate: last?.bytes ? rate(({ bytes }) => bytes * 8) : null,
      droppedPerSecond: rate(({ dropped }) => dropped),
      lost: told?.network && last?.network ? lossBetween(told.network, last.network) : null,
      resendsPerSecond: last?.network ? rate(({ network }) => network?.resends ?? 0) : null,
      freezes: this.#freezes,
      frozenMs: this.#frozenMs,
    };
  }

  #fps(now: number): number | null {
    let oldest = Number.POSITIVE_INFINITY;
    let frames = 0;
    this.#each(now - RATE_MS, (at) => {
      frames++;
      oldest = Math.min(oldest, at);
    });
    if (!this.#count) return null;
    // Right after the beginning the frames themselves say over how much time.
    const began = this.#count === frames;
    const span = began ? now - oldest : RATE_MS;
    return span > 300 ? (frames * 1000) / span : null;
  }

  #each(sinceMs: number, visit: (at: number, latency: number) => void): void {
    for (let n = Math.max(0, this.#count - FRAMES); n < this.#count; n++) {
      const at = this.#at[n % FRAMES]!;
      if (at > sinceMs) visit(at, this.#latency[n % FRAMES]!);
    }
  }
}

/** The value that a share `q` of the values is not above. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

function lossBetween(from: { packets: number; lost: number }, to: { packets: number; lost: number }): number | null {
  const came = to.packets - from.packets;
  // Late packets take a loss back.
  const lost = Math.max(0, to.lost - from.lost);
  return came + lost > 0 ? lost / (came + lost) : null;
}
