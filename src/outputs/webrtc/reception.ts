// What a receiver of RTP keeps of one sender: how many packets came, how evenly, and how the sender's clock lies to ours.
import type { ReceiverReport, RtcpMessage } from '../../formats/rtcp.ts';

/** Ticks per ms of the RTP clocks of video and of Opus. */
export const VIDEO_TICKS = 90;
export const SOUND_TICKS = 48;
/** Sender reports of which the least delayed counts: some 20 s of two tracks, in which clocks do not part by more than 2 ms. */
const REPORTS = 40;
/** A picture is this old at most, µs; a clock that says more is not believed. */
const MAX_AGE_US = 10_000_000;
/** Corrections take at most this share of the time between two pictures; forwards, from `FAR_US` on, they are a step. */
const SLEW = 0.25;
const FAR_US = 1_000_000;

/** Counts for the reports to a sender (RFC 3550 A.1, A.3, A.8). */
export class Reception {
  readonly #ticksPerMs: number;
  #ssrc: number | null = null;
  #base = 0;
  #highest = 0;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #jitter = 0;
  #transit: number | null = null;
  #mark = 0;
  #markAt = 0;

  constructor(ticksPerMs = VIDEO_TICKS) {
    this.#ticksPerMs = ticksPerMs;
  }

  /** `null` before the first packet. */
  get ssrc(): number | null {
    return this.#ssrc;
  }

  /** @param now ms, monotonic */
  onPacket(packet: { readonly ssrc: number; readonly sequence: number; readonly timestamp: number }, now: number): void {
    const { ssrc, sequence, timestamp } = packet;
    if (this.#ssrc !== ssrc) {
      this.#ssrc = ssrc;
      this.#base = this.#highest = sequence;
      this.#received = this.#expectedBefore = this.#receivedBefore = 0;
      this.#jitter = 0;
      this.#transit = null;
    }
    const ahead = ((sequence - this.#highest) << 16) >> 16;
    if (ahead > 0) this.#highest += ahead;
    this.#received++;
    const transit = (Math.round(now * this.#ticksPerMs) - timestamp) | 0;
    if (this.#transit !== null) this.#jitter += (Math.abs((transit - this.#transit) | 0) - this.#jitter) / 16;
    this.#transit = transit;
  }

  onSenderReport(mark: number, now: number): void {
    this.#mark = mark;
    this.#markAt = now;
  }

  /** The next report; `null` before the first packet. */
  report(now: number): ReceiverReport | null {
    if (this.#ssrc === null) return null;
    const expected = this.#highest - this.#base + 1;
    const [expectedNow, receivedNow] = [expected - this.#expectedBefore, this.#received - this.#receivedBefore];
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedNow > 0 ? Math.max(0, (expectedNow - receivedNow) / expectedNow) : 0,
      cumulativeLost: expected - this.#received,
      highestSequence: this.#highest,
      jitter: this.#jitter,
      lastSr: this.#mark,
      sinceLastSrMs: this.#mark ? now - this.#markAt : 0,
    };
  }
}

/** How late the reports of one sender come, on our clock, µs: all its tracks are stamped by one clock of its own. */
export class ReportDelays {
  readonly #delays: number[] = [];

  add(delay: number): void {
    this.#delays.push(delay);
    if (this.#delays.length > REPORTS) this.#delays.shift();
  }

  /** Infinite before the first report. */
  get least(): number {
    return Math.min(...this.#delays);
  }
}

/**
 * A sender's clock, by its reports and by the capture times in its packets. A report says both its own time and the RTP time of the same
 * moment; it is never early, so that the least delayed one shows how the two clocks lie: no delay of the encoder is in it, and of the
 * network only the least. What is learned comes in evenly, so that times rise. Tracks that share the delays are in step.
 */
export class SenderClock {
  #pair: { readonly time: number; readonly rtp: number } | null = null;
  #exact = false;
  readonly #delays: ReportDelays;
  readonly #ticksPerMs: number;
  #last: { readonly rtp: number; readonly moment: number } | null = null;

  constructor(delays = new ReportDelays(), ticksPerMs = VIDEO_TICKS) {
    this.#delays = delays;
    this.#ticksPerMs = ticksPerMs;
  }

  /** @param arrival monotonic, µs */
  onSenderReport({ time, rtpTime }: Extract<RtcpMessage, { type: 'sender-report' }>, arrival: number): void {
    if (!this.#exact) this.#pair = { time, rtp: rtpTime };
    this.#delays.add(arrival - time);
  }

  /** Capture time by the sender's clock, µs, in the packet itself (abs-capture-time). */
  onCaptureTime(time: number, rtp: number): void {
    this.#pair = { time, rtp };
    this.#exact = true;
  }

  /** When a picture that came at `arrival` (monotonic, µs) was captured, on the same clock. Before the first report: when it came, less jitter. */
  momentOf(rtp: number, arrival: number): number {
    const last = this.#last;
    const passed = last ? this.#micros(rtp - last.rtp) : 0;
    const expected = last ? last.moment + passed : arrival;
    const known = this.#capturedAt(rtp, arrival);
    const wanted = Math.min(known ?? expected, arrival);
    const limit = Math.max(0, passed) * SLEW;
    // Never back: times rise.
    const far = !last || wanted - expected > FAR_US;
    const moment = far ? wanted : expected + Math.max(-limit, Math.min(limit, wanted - expected));
    this.#last = { rtp, moment };
    return moment;
  }

  #capturedAt(rtp: number, arrival: number): number | null {
    const { least } = this.#delays;
    if (!this.#pair || least === Number.POSITIVE_INFINITY) return null;
    const captured = this.#pair.time + this.#micros(rtp - this.#pair.rtp) + least;
    return captured < arrival - MAX_AGE_US ? null : captured;
  }

  /** µs of a difference of two RTP times, which have 32 bits. */
  #micros(ticks: number): number {
    return ((ticks | 0) * 1000) / this.#ticksPerMs;
  }
}
