// What goes to one viewer as RTP: its own numbers over payloads that all viewers share; resends (RTX, RFC 4588, if the offer has it), pacing,
// and probes of whether more would fit.
import { RTP_HEADER_BYTES, writeExtensions } from '../../formats/rtp.ts';
import { Hold } from './hold.ts';
import type { PlayoutDelay } from './messages.ts';
import { Pacer } from './pacer.ts';
import { Resends, type SentPacket } from './resends.ts';
import { Way, type WayState } from './way.ts';

/** A picture as RTP payloads, made once for all viewers. */
export interface Packetized {
  readonly payloads: readonly Uint8Array[];
  /** 32 bits. */
  readonly rtpTime: number;
  /** Media time minus capture time, in ticks: 0 unless the capture clock was set back. */
  readonly ahead: number;
  readonly key: boolean;
  /** For the data channel. */
  readonly text: string;
}

export interface RtpSenderOptions {
  readonly payloadType: number;
  readonly ssrc: number;
  /** Of the resends; `null` = they go as they were. */
  readonly rtx: { readonly payloadType: number; readonly ssrc: number } | null;
  /** Ids of header extensions in the offer; `null` = not there. */
  readonly delayId: number | null;
  readonly transportId: number | null;
  readonly delay: PlayoutDelay;
  /** The bytes are copied before it returns. */
  readonly write: (packet: Uint8Array) => void;
}

export interface RtpCounters {
  packets: number;
  bytes: number;
  pictures: number;
  /** Packets that were asked for again, and of them those that were no longer there. */
  resends: number;
  missed: number;
  /** Packets of probes. */
  padding: number;
}

const TICK_MS = 3;
/** A way that was full is given no more than this over what it carried; one that was never full this over what was seen. */
const FULL_SHARE = 1;
const FULL_PACE = 1.1;
const OPEN_SHARE = 1.5;
/** Key frames may go so much quicker than the stream runs. */
const PACE = 2.5;
const FULL_MS = 20_000;
/** A probe lasts so long; the first part of it its rate rises. */
const PROBE_MS = 2000;
const PROBE_RISE_MS = 1000;
const PROBE_TICK_MS = 20;
const PROBE_QUEUE_WINDOW_MS = 200;
/** Share of a probe's rate that must arrive. */
const PROBE_SHARE = 0.85;
const PROBE_QUEUE_MS = 60;
/** How long pictures may be held back for their sound. Up to 500 ms Chromium takes for a wish to see each picture at once. */
const SOUND_DELAY_MS = 2000;
/** The second copy of a resend on a lossy way. */
const COPY_MS = 8;
/** Resends of a way that is full: share of what it carries. */
const FULL_RESENDS = 0.5;
const FULL_RESENDS_MS = 3000;
const RESEND_BURST = 30_000;

/** The largest packet: 1,180 bytes of payload, its header, extensions and the number of the original. */
const scratch = Buffer.alloc(1400);
/** Its beginning, by length. */
const views: (Buffer | undefined)[] = new Array<Buffer | undefined>(scratch.length + 1).fill(undefined);

function put16(at: number, value: number): void {
  scratch[at] = value >> 8;
  scratch[at + 1] = value;
}

function put32(at: number, value: number): void {
  put16(at, value >>> 16);
  put16(at + 2, value);
}

export class RtpSender {
  readonly #options: RtpSenderOptions;
  readonly #pacer = new Pacer<SentPacket>();
  readonly #resends = new Resends();
  readonly #hold: Hold;
  /** `null` where the offer has no transport-cc. */
  readonly #way: Way | null;
  readonly #extension: Uint8Array;
  readonly #delayAt: number;
  readonly #transportAt: number;
  #sequence = Math.floor(Math.random() * 0x8000);
  #rtxSequence = Math.floor(Math.random() * 0x8000);
  #lastTime: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #probe: { readonly timer: NodeJS.Timeout; readonly result: (room: number) => void } | null = null;
  /** bit/s of the pictures, of late. */
  #rate = 0;
  #rateAt = performance.now();
  #rateBytes = 0;
  #full: { at: number; rate: number } | null = null;
  #resendCredit = RESEND_BURST;
  #withSound = false;
  #closed = false;
  readonly counters: RtpCounters = { packets: 0, bytes: 0, pictures: 0, resends: 0, missed: 0, padding: 0 };

  constructor(options: RtpSenderOptions) {
    this.#options = options;
    const { delayId, transportId, delay } = options;
    this.#hold = new Hold(delay);
    this.#way = transportId === null ? null : new Way();
    const elements = [
      ...(delayId === null ? [] : [{ id: delayId, data: new Uint8Array(3) }]),
      ...(transportId === null ? [] : [{ id: transportId, data: new Uint8Array(2) }]),
    ];
    this.#extension = writeExtensions(elements);
    this.#delayAt = delayId === null ? -1 : 5;
    this.#transportAt = transportId === null ? -1 : delayId === null ? 5 : 9;
    this.#writeDelay();
  }

  get way(): Way | null {
    return this.#way;
  }

  /** bit/s of the pictures of the last second or two. */
  get rate(): number {
    return this.#rate;
  }

  get waitingBytes(): number {
    return this.#pacer.waiting;
  }

  get delay(): PlayoutDelay {
    return this.#hold.delay;
  }

  /** RTP time of the picture that is sent next: its own, unless another one already had it. */
  timeOf({ rtpTime }: Packetized): number {
    // Two feeds of one stream are not level: time must rise, or the browser takes two pictures for one.
    if (this.#lastTime !== null && ((rtpTime - this.#lastTime) | 0) <= 0 && ((this.#lastTime - rtpTime) | 0) < 90_000)
      return (this.#lastTime + 1) >>> 0;
    return rtpTime;
  }

  /**
   * Sends a picture, now or as the pacer allows.
   *
   * @returns its RTP time
   */
  send(picture: Packetized): number {
    const now = performance.now();
    const rtpTime = this.timeOf(picture);
    this.#lastTime = rtpTime;
    const { payloads } = picture;
    // Runs for each packet of each viewer: nothing is made anew here but what has to wait.
    for (let i = 0; i < payloads.length; i++) {
      const payload = payloads[i]!;
      const marker = i === payloads.length - 1;
      const sequence = this.#sequence;
      this.#sequence = (sequence + 1) & 0xffff;
      const bytes = payload.length + RTP_HEADER_BYTES;
      this.#rateBytes += bytes + this.#extension.length;
      if (this.#pacer.admit(bytes, now)) this.#first(sequence, payload, rtpTime, marker, now);
      else this.#pacer.push({ sequence, payload, rtpTime, marker }, bytes);
    }
    this.counters.pictures++;
    if (this.#pacer.waiting) this.#drain(now);
    return rtpTime;
  }

  /**
   * Whether sound is played with the pictures. Without, browsers show each picture at once; to play both together they must be free to hold
   * pictures back.
   */
  playWithSound(on: boolean): void {
    this.#withSound = on;
    this.#writeDelay();
  }

  /** Leaves out what waits: another feed begins with a key frame. */
  renew(): void {
    this.#pacer.clear();
    this.#resends.clear();
    this.#rate = this.#rateBytes = 0;
    this.#rateAt = performance.now();
  }

  /** Packets that the viewer asks for again. */
  resend(sequences: readonly number[]): void {
    const now = performance.now();
    this.counters.resends += sequences.length;
    for (const sequence of sequences) {
      const packet = this.#resends.take(sequence, now);
      if (!packet) continue;
      const full = this.#full !== null && now - this.#full.at < FULL_RESENDS_MS;
      if (full) {
        // Resends of what a full way lost fill it further; those of newer pictures matter more.
        if (this.#resendCredit <= 0) continue;
        this.#resendCredit -= packet.payload.length;
      }
      this.#again(packet, now);
      // One loss in twenty hits the resend too, and then it takes twice as long.
      if (!full && this.#hold.lossy) setTimeout(() => !this.#closed && this.#again(packet, performance.now()), COPY_MS);
    }
    this.counters.missed = this.#resends.missed;
  }

  /** About four times a second, with what is known of the way. */
  update(state: WayState, now: number): void {
    const passed = now - this.#rateAt;
    if (passed >= 1000) {
      const rate = (this.#rateBytes * 8000) / passed;
      this.#rate = this.#rate === 0 ? rate : (this.#rate + rate) / 2;
      this.#rateAt = now;
      this.#rateBytes = 0;
    }
    if (state.verdict === 'bad') this.#full = { at: now, rate: state.arriving };
    const full = this.#isFull(now) ? this.#full!.rate : null;
    this.#resendCredit = Math.min(RESEND_BURST, this.#resendCredit + ((full ?? 0) / 8) * FULL_RESENDS * 0.25);
    this.#pacer.rate =
      full !== null
        ? Math.max(FULL_SHARE * full, FULL_PACE * this.#rate)
        : this.#way
          ? Math.max(PACE * this.#rate, OPEN_SHARE * state.burst, 2_000_000)
          : Number.POSITIVE_INFINITY;
  }

  /** About once a second. */
  beat(rttMs: number | null, now: number): void {
    const { packets, resends } = this.counters;
    this.#hold.update(packets, resends, rttMs, now);
    this.#writeDelay();
  }

  /** Whether it can be found out if more would fit, without trying it with pictures. */
  get probes(): boolean {
    return this.#way !== null && this.#options.rtx !== null;
  }

  /**
   * Fills the way up to a rate for about a second with copies of what was sent.
   *
   * @param rate bit/s
   * @param result told the rate that fits, bit/s
   */
  probe(rate: number, result: (room: number) => void): void {
    if (this.#probe || !this.probes) return;
    const now = performance.now();
    let at = now;
    let missing = 0;
    const tick = () => {
      const time = performance.now();
      // Rises slowly, so that a way that is full after all is noticed before much has piled up in it.
      const share = Math.min(1, (time - now) / PROBE_RISE_MS);
      missing += (Math.max(0, rate - this.#rate) * share * Math.min(100, time - at)) / 8000;
      at = time;
      for (let back = 1; missing > 0 && back < 200; back++) {
        const packet = this.#resends.peek((this.#sequence - back) & 0xffff);
        if (!packet) continue;
        missing -= packet.payload.length;
        this.counters.padding++;
        this.#again(packet, time);
      }
      const state = this.#way!.state(time, PROBE_QUEUE_WINDOW_MS);
      if (state.queueMs > PROBE_QUEUE_MS || state.verdict === 'bad') this.#endProbe(0);
      else if (time - now > PROBE_MS) this.#endProbe(state.arriving >= rate * PROBE_SHARE ? rate : state.arriving);
    };
    this.#probe = { result, timer: setInterval(tick, PROBE_TICK_MS) };
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#probe) clearInterval(this.#probe.timer);
  }

  #endProbe(room: number): void {
    const probe = this.#probe!;
    clearInterval(probe.timer);
    this.#probe = null;
    probe.result(room);
  }

  #isFull(now: number): boolean {
    return this.#full !== null && now - this.#full.at < FULL_MS;
  }

  #drain(now: number): void {
    for (const { sequence, payload, rtpTime, marker } of this.#pacer.due(now)) this.#first(sequence, payload, rtpTime, marker, now);
    if (this.#pacer.waiting === 0 || this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#drain(performance.now());
    }, TICK_MS);
  }

  #first(sequence: number, payload: Uint8Array, rtpTime: number, marker: boolean, now: number): void {
    this.#resends.add(sequence, payload, rtpTime, marker, now);
    this.#write(sequence, payload, rtpTime, marker, now, null);
  }

  #again({ sequence, payload, rtpTime, marker }: SentPacket, now: number): void {
    this.#pacer.spend(payload.length);
    this.#write(sequence, payload, rtpTime, marker, now, this.#options.rtx);
  }

  #write(sequence: number, payload: Uint8Array, rtpTime: number, marker: boolean, now: number, rtx: RtpSenderOptions['rtx']): void {
    const extension = this.#extension;
    const head = RTP_HEADER_BYTES + extension.length;
    const body = head + (rtx ? 2 : 0);
    const length = body + payload.length;
    scratch[0] = extension.length ? 0x90 : 0x80;
    scratch[1] = (marker ? 0x80 : 0) | (rtx ?? this.#options).payloadType;
    if (rtx) {
      put16(2, this.#rtxSequence);
      this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
      // The number of the original (RFC 4588 4).
      put16(head, sequence);
    } else put16(2, sequence);
    put32(4, rtpTime);
    put32(8, (rtx ?? this.#options).ssrc);
    for (let i = 0; i < extension.length; i++) scratch[RTP_HEADER_BYTES + i] = extension[i]!;
    scratch.set(payload, body);
    if (this.#way) put16(RTP_HEADER_BYTES + this.#transportAt, this.#way.sent(length, now));
    views[length] ??= scratch.subarray(0, length);
    this.#options.write(views[length]);
    this.counters.packets++;
    this.counters.bytes += length;
  }

  /** 12 bits each for the least and most delay, in 10 ms. */
  #writeDelay(): void {
    if (this.#delayAt < 0) return;
    const units = (ms: number) => Math.min(4095, Math.round(ms / 10));
    const { min: least, max: most } = this.#hold.delay;
    const [min, max] = [units(least), units(this.#withSound ? Math.max(most, SOUND_DELAY_MS) : most)];
    this.#extension.set([min >> 4, ((min & 15) << 4) | (max >> 8), max & 0xff], this.#delayAt);
  }
}
