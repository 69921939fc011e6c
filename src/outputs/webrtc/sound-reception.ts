// The sound of one publisher (WHIP) inside the WebRTC process: its packets of Opus in order, each with the moment of its capture.
import { readRtcp, writeReceiverReport } from '../../formats/rtcp.ts';
import { isRtcp, readRtp } from '../../formats/rtp.ts';
import { RtpOrder } from '../../formats/rtp-order.ts';
import { monotonicMicros } from '../../native/system-clock.ts';
import type { Peer, PeerTrack } from '../../native/webrtc.ts';
import { Reception, type ReportDelays, SenderClock, SOUND_TICKS } from './reception.ts';
import type { ChosenMedia } from './viewer.ts';

/** A packet that is missing is not sent again; those behind it wait no longer than packets overtake each other, ms. */
const WAIT_MS = 40;

export interface SoundReceptionEvents {
  /** Something came at this time, ms. */
  heard(now: number): void;
  /** A packet of Opus; `time` on the sender's clock, `moment` of its capture on the monotonic clock of this machine, µs. */
  packet(data: Uint8Array, time: number, moment: number): void;
  bye(): void;
}

export class SoundReception {
  readonly #track: PeerTrack;
  readonly #payloadType: number;
  readonly #events: SoundReceptionEvents;
  readonly #order = new RtpOrder(WAIT_MS);
  readonly #reception = new Reception(SOUND_TICKS);
  readonly #clock: SenderClock;
  #time: { ticks: number; low: number } | null = null;

  constructor(peer: Peer, { media, codec }: ChosenMedia, delays: ReportDelays, events: SoundReceptionEvents) {
    this.#payloadType = codec.payloadType;
    this.#events = events;
    this.#clock = new SenderClock(delays, SOUND_TICKS);
    this.#track = peer.addReceiveTrack({ media, codec, extensions: [] }, { packet: (bytes) => this.#onPacket(bytes) });
  }

  /** Each second: what came. */
  beat(): void {
    const report = this.#reception.report(performance.now());
    if (report) this.#track.sendControl(writeReceiverReport(report));
  }

  #onPacket(bytes: Uint8Array): void {
    const now = performance.now();
    this.#events.heard(now);
    if (isRtcp(bytes)) return this.#onControl(bytes, now);
    // The library uses its memory again.
    const packet = readRtp(bytes.slice());
    if (!packet || packet.payloadType !== this.#payloadType) return;
    this.#reception.onPacket(packet, now);
    for (const { payload, timestamp } of this.#order.push(packet, now).packets) {
      if (!payload.length) continue;
      this.#events.packet(payload, (this.#unwrap(timestamp) * 1000) / SOUND_TICKS, this.#clock.momentOf(timestamp, monotonicMicros()));
    }
  }

  #onControl(bytes: Uint8Array, now: number): void {
    for (const message of readRtcp(bytes)) {
      if (message.type === 'sender-report' && message.ssrc === this.#reception.ssrc) {
        this.#reception.onSenderReport(message.mark, now);
        this.#clock.onSenderReport(message, monotonicMicros());
      } else if (message.type === 'bye') this.#events.bye();
    }
  }

  /** RTP times have 32 bits: a day. */
  #unwrap(low: number): number {
    this.#time = this.#time ? { ticks: this.#time.ticks + ((low - this.#time.low) | 0), low } : { ticks: low, low };
    return this.#time.ticks;
  }
}
