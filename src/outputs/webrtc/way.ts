// What the way to a viewer carries, from the arrival of its packets (transport-cc). Three signs, each over the newest second:
// - a standing queue: the least delay of half a second lies above the least ever seen. Bursts, key frames and a busy receiver make some
//   packets late; only a way that carries less than it is given makes all of them late (the idea of CoDel, RFC 8289 3);
// - loss beyond what resending mends;
// - the rate at which packets arrive, which is what a full way carries.
import type { TransportFeedback } from '../../formats/transport-cc.ts';

/** `bad`: more is sent than it carries. `uneasy`: nothing to build on. */
export type WayVerdict = 'bad' | 'uneasy' | 'fine';

/** What is known of a way. */
export interface WayState {
  readonly verdict: WayVerdict;
  /** bit/s that arrive; what the way carries while it is `bad`. */
  readonly arriving: number;
  /** Standing queue, ms. */
  readonly queueMs: number;
  /** Share of packets that did not arrive, 0..1. */
  readonly lost: number;
  /** Rate within the quickest run of packets of late, bit/s; 0 = none seen. */
  readonly burst: number;
}

/** Packets remembered, a power of two: a second of 38 Mbit/s. */
const PACKETS = 4096;
const WINDOW_MS = 1000;
const QUEUE_WINDOW_MS = 500;
/** The least delay is forgotten after once to twice this time: clocks drift, ways change. */
const BASE_MS = 15_000;
const QUEUE_BAD_MS = 100;
const QUEUE_UNEASY_MS = 50;
/** Resending mends 5 % (measured); a queue that overflows loses far more. */
const LOSS_BAD = 0.15;
const LOSS_UNEASY = 0.1;
/** Fewer packets than this say nothing about loss. */
const LOSS_PACKETS = 30;
/** Packets and bytes of a run that say something about its rate. */
const RUN_PACKETS = 6;
const RUN_BYTES = 5000;
/** A run's rate counts for so long. */
const RUN_MS = 10_000;
/** Headers below RTP: IPv4, UDP and the tag of SRTP. */
const OVERHEAD_BYTES = 38;

export const UNKNOWN: WayState = { verdict: 'fine', arriving: 0, queueMs: 0, lost: 0, burst: 0 };

export class Way {
  readonly #sentAt = new Float64Array(PACKETS).fill(Number.NEGATIVE_INFINITY);
  readonly #arrivedAt = new Float64Array(PACKETS).fill(Number.NaN);
  readonly #bytes = new Uint16Array(PACKETS);
  #next = 0;
  /** Behind the newest packet that feedback spoke of; `null` before the first. */
  #told: number | null = null;
  #base = { now: Number.POSITIVE_INFINITY, before: Number.POSITIVE_INFINITY, since: 0 };
  #runs: { at: number; rate: number }[] = [];
  #unseen = 0;

  /**
   * A packet goes out.
   *
   * @param bytes of RTP
   * @param now ms, monotonic
   * @returns its transport-wide number, 16 bits
   */
  sent(bytes: number, now: number): number {
    const number = this.#next;
    this.#next = (number + 1) & 0xffff;
    const i = number & (PACKETS - 1);
    this.#sentAt[i] = now;
    this.#arrivedAt[i] = Number.NaN;
    this.#bytes[i] = bytes + OVERHEAD_BYTES;
    this.#unseen = Math.min(PACKETS, this.#unseen + 1);
    return number;
  }

  /** The receiver tells of packets. Numbers that were not sent of late are left out. */
  told({ base, arrivals }: Pick<TransportFeedback, 'base' | 'arrivals'>, now: number): void {
    if (now - this.#base.since > BASE_MS) this.#base = { now: Number.POSITIVE_INFINITY, before: this.#base.now, since: now };
    let run = { from: 0, to: 0, bytes: 0, packets: 0, sentAt: 0 };
    for (const [offset, arrival] of arrivals.entries()) {
      const number = (base + offset) & 0xffff;
      const age = (this.#next - number) & 0xffff;
      if (age === 0 || age > this.#unseen) continue;
      const i = number & (PACKETS - 1);
      if (this.#told === null || ((number - this.#told) & 0xffff) < 0x8000) this.#told = (number + 1) & 0xffff;
      if (arrival === null) continue;
      this.#arrivedAt[i] = arrival;
      this.#base.now = Math.min(this.#base.now, arrival - this.#sentAt[i]!);
      // A run: sent in one go. Its first packet only starts the clock.
      if (run.packets > 0 && this.#sentAt[i]! - run.sentAt < 2 && arrival >= run.to) {
        run = { ...run, to: arrival, bytes: run.bytes + this.#bytes[i]!, packets: run.packets + 1, sentAt: this.#sentAt[i]! };
      } else {
        this.#endRun(run, now);
        run = { from: arrival, to: arrival, bytes: 0, packets: 1, sentAt: this.#sentAt[i]! };
      }
    }
    this.#endRun(run, now);
  }

  #endRun(run: { from: number; to: number; bytes: number; packets: number }, now: number): void {
    if (run.packets < RUN_PACKETS || run.bytes < RUN_BYTES) return;
    // Arrivals come in steps of 0.25 ms.
    const rate = (run.bytes * 8000) / Math.max(0.25, run.to - run.from);
    this.#runs = this.#runs.filter(({ at, rate: other }) => now - at < RUN_MS && other > rate);
    this.#runs.push({ at: now, rate });
  }

  /** What the newest second of what was told says.
   *  @param queueWindow ms of the newest arrivals whose least delay counts as the queue */
  state(now: number, queueWindow = QUEUE_WINDOW_MS): WayState {
    if (this.#told === null) return UNKNOWN;
    const last = (this.#told - 1) & 0xffff;
    const newest = this.#sentAt[last & (PACKETS - 1)]!;
    const base = Math.min(this.#base.now, this.#base.before);
    const window: number[] = [];
    let latest = Number.NEGATIVE_INFINITY;
    for (let back = 0; back < PACKETS; back++) {
      const number = (last - back) & 0xffff;
      const i = number & (PACKETS - 1);
      if (((this.#next - number) & 0xffff) > this.#unseen || newest - this.#sentAt[i]! > WINDOW_MS) break;
      window.push(i);
      if (this.#arrivedAt[i]! > latest) latest = this.#arrivedAt[i]!;
    }
    let queueMs = Number.POSITIVE_INFINITY;
    let [arrived, lost, bytes, earliest] = [0, 0, 0, Number.POSITIVE_INFINITY];
    for (const i of window) {
      const at = this.#arrivedAt[i]!;
      if (Number.isNaN(at)) {
        lost++;
        continue;
      }
      arrived++;
      // By arrival: what is sent into a long queue is heard of late.
      if (latest - at <= queueWindow) queueMs = Math.min(queueMs, at - this.#sentAt[i]! - base);
      if (latest - at > WINDOW_MS) continue;
      bytes += this.#bytes[i]!;
      if (at < earliest) earliest = at;
    }
    if (queueMs === Number.POSITIVE_INFINITY) queueMs = 0;
    const share = arrived + lost >= LOSS_PACKETS ? lost / (arrived + lost) : 0;
    // A second that has only begun is not stretched to a whole one by less than twice.
    const span = Math.max(WINDOW_MS / 2, latest - earliest);
    const bad = queueMs > QUEUE_BAD_MS || share > LOSS_BAD;
    return {
      verdict: bad ? 'bad' : queueMs > QUEUE_UNEASY_MS || share > LOSS_UNEASY ? 'uneasy' : 'fine',
      arriving: arrived ? (bytes * 8000) / span : 0,
      queueMs,
      lost: share,
      burst: Math.max(0, ...this.#runs.filter(({ at }) => now - at < RUN_MS).map(({ rate }) => rate)),
    };
  }
}
