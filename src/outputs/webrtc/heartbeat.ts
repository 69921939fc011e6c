// Whether the other end of a connection is still alive, by what is heard of it. ICE alone notices a death after half a minute.

/** Whoever speaks often is missed soon: browsers send reports each second and more, players a heartbeat each half second. */
const PATIENCE_MS = 3500;
/** Others may send reports each five seconds or so (RFC 3550 6.2): this many of their longest pauses. */
const PAUSES = 2.5;
const MAX_PATIENCE_MS = 20_000;
/** While it is not known how often the other end speaks. */
const FIRST_MS = 10_000;
/** Newest pauses that count. */
const KEPT = 5;
/** What belongs together counts once. */
const BURST_MS = 20;

export class Heartbeat {
  #at: number;
  #beats = false;
  readonly #pauses: number[] = [];

  /** @param now ms, monotonic */
  constructor(now: number) {
    this.#at = now;
  }

  /** Something came. */
  heard(now: number): void {
    const pause = now - this.#at;
    this.#at = now;
    if (pause < BURST_MS) return;
    this.#pauses.push(pause);
    if (this.#pauses.length > KEPT) this.#pauses.shift();
  }

  /** A heartbeat came, and more will. */
  beat(now: number): void {
    this.#beats = true;
    this.heard(now);
  }

  /** So long, ms, nobody here was listening. */
  excuse(ms: number): void {
    this.#at += ms;
  }

  /** Silence after which it counts as dead, ms. */
  get patience(): number {
    if (this.#beats) return PATIENCE_MS;
    if (this.#pauses.length < KEPT) return FIRST_MS;
    return Math.min(MAX_PATIENCE_MS, Math.max(PATIENCE_MS, PAUSES * Math.max(...this.#pauses)));
  }

  /** Why it counts as dead, as a clause; `null` if it does not. */
  dead(now: number): string | null {
    const silent = now - this.#at;
    return silent > this.patience ? `silent for ${(silent / 1000).toFixed(1)} s` : null;
  }
}
