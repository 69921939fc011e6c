// One publisher (WHIP) inside the WebRTC process: its packets in order, put together to access units.
import { concatBytes } from '../../formats/bytes.ts';
import { H264Depacketizer, hasKey, isRtcp, readRtp } from '../../formats/rtp.ts';
import { RtpOrder } from '../../formats/rtp-order.ts';
import type { Sdp, SdpCodec, SdpMedia } from '../../formats/sdp.ts';
import { isVp8Key, Vp8Depacketizer } from '../../formats/vp8.ts';
import { Peer, type WebRtcSettings } from '../../native/webrtc.ts';
import type { FromProcess } from './messages.ts';

const SILENT_MS = 8000;
const CONNECT_MS = 10_000;
/** Key frames are asked for at most so often, ms. */
const KEY_MS = 300;
/** What the sender may use, bit/s: told from the start and each second, else browsers stay at half a megabit. */
const ALLOWED = 12_000_000;
const START_CODE = Uint8Array.of(0, 0, 0, 1);

export class PublisherPeer {
  readonly id: string;
  readonly #peer: Peer;
  readonly #payloadType: number;
  readonly #tell: (message: FromProcess) => void;
  readonly #order = new RtpOrder();
  readonly #h264: H264Depacketizer | null;
  readonly #vp8: Vp8Depacketizer | null;
  readonly #started = performance.now();
  #connected = false;
  #heard = performance.now();
  #askedAt = 0;
  #needKey = true;
  #time: { ticks: number; low: number } | null = null;
  #closed = false;

  constructor(id: string, settings: WebRtcSettings, media: SdpMedia, codec: SdpCodec, tell: (message: FromProcess) => void) {
    this.id = id;
    this.#tell = tell;
    this.#payloadType = codec.payloadType;
    const h264 = codec.name.toUpperCase() === 'H264';
    this.#h264 = h264 ? new H264Depacketizer() : null;
    this.#vp8 = h264 ? null : new Vp8Depacketizer();
    this.#peer = new Peer(id, settings, {
      state: (state) => this.#onState(state),
      open: () => this.beat(),
      packet: (bytes) => this.#onPacket(bytes),
      channel: () => {},
      text: () => {},
    });
    this.#peer.addReceiveTrack({ media, codec });
  }

  answer(offer: string, sdp: Sdp): Promise<string> {
    return this.#peer.answer(offer, sdp);
  }

  addCandidate(candidate: string, mid: string): void {
    this.#peer.addCandidate(candidate, mid);
  }

  /** Each second: what the sender may use. */
  beat(): void {
    this.#peer.allowBitrate(ALLOWED);
  }

  requestKey(): void {
    const now = performance.now();
    if (now - this.#askedAt < KEY_MS) return;
    this.#askedAt = now;
    this.#peer.requestKey();
  }

  check(now: number): string | null {
    if (!this.#connected) return now - this.#started > CONNECT_MS ? 'no connection came about' : null;
    return now - this.#heard > SILENT_MS ? `silent for ${SILENT_MS / 1000} s` : null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#peer.close();
  }

  #onState(state: string): void {
    if (state === 'connected' && !this.#connected) {
      this.#connected = true;
      this.#heard = performance.now();
      this.#tell({ type: 'connected', id: this.id });
    } else if (state === 'failed' || state === 'closed' || state === 'disconnected') {
      this.#tell({ type: 'gone', id: this.id, reason: `the connection is ${state}` });
    }
  }

  #onPacket(bytes: Uint8Array): void {
    const now = performance.now();
    this.#heard = now;
    if (isRtcp(bytes)) return;
    // The library uses its memory again.
    const packet = readRtp(bytes.slice());
    if (!packet || packet.payloadType !== this.#payloadType || packet.payload.length === 0) return;
    const { packets, missing } = this.#order.push(packet, now);
    if (missing.length) this.#peer.requestPackets(packet.ssrc, missing);
    for (const ordered of packets) {
      const unit = this.#h264?.push(ordered) ?? this.#vp8?.push(ordered) ?? null;
      if (unit === 'lost') this.#needKey = true;
      else if (unit) this.#onUnit(unit);
      // What refers to a missing picture would show its absence until the next key frame.
      if (this.#needKey) this.requestKey();
    }
  }

  #onUnit(unit: { nals: Uint8Array[]; timestamp: number } | { frame: Uint8Array; timestamp: number }): void {
    const { id } = this;
    const key = 'nals' in unit ? hasKey(unit.nals) : isVp8Key(unit.frame);
    if (this.#needKey && !key) return;
    this.#needKey = false;
    const time = Math.round((this.#unwrap(unit.timestamp) * 100) / 9);
    if ('nals' in unit) {
      const data = concatBytes(unit.nals.flatMap((nal) => [START_CODE, nal]));
      this.#tell({ type: 'unit', id, data, key, time });
    } else this.#tell({ type: 'unit', id, data: unit.frame, key, time });
  }

  /** RTP times have 32 bits: 13 hours. */
  #unwrap(low: number): number {
    if (!this.#time) this.#time = { ticks: low, low };
    else this.#time = { ticks: this.#time.ticks + ((low - this.#time.low) | 0), low };
    return this.#time.ticks;
  }
}
