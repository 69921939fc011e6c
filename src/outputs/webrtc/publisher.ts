// One publisher (WHIP) inside the WebRTC process: its packets in order, put together to access units; its sound beside them.
import { concatBytes } from '../../formats/bytes.ts';
import { ntpToMicros, readRtcp, writeNack, writePli, writeReceiverReport, writeRemb } from '../../formats/rtcp.ts';
import { H264Depacketizer, hasKey, isRtcp, type RtpPacket, readRtp } from '../../formats/rtp.ts';
import { RtpOrder } from '../../formats/rtp-order.ts';
import { type Sdp, withOnly, withStartRate } from '../../formats/sdp.ts';
import { isVp8Key, Vp8Depacketizer } from '../../formats/vp8.ts';
import { monotonicMicros } from '../../native/system-clock.ts';
import { ABS_CAPTURE_TIME, Peer, type PeerTrack, type WebRtcSettings } from '../../native/webrtc.ts';
import type { FromProcess } from './messages.ts';
import { Reception, ReportDelays, SenderClock } from './reception.ts';
import { SoundReception } from './sound-reception.ts';
import type { ChosenMedia } from './viewer.ts';

/** A sender says something all the time: pictures, and reports each second while nothing moves. */
const SILENT_MS = 3500;
const CONNECT_MS = 7000;
/** Key frames are asked for at most so often, ms. */
const KEY_MS = 300;
/** What the sender may use, bit/s: told from the start and each second, else browsers stay at half a megabit. */
const ALLOWED = 12_000_000;
/** What browsers begin with, kbit/s; their own 300 are a thumbnail that takes half a minute to grow. */
const START_KBIT = 2500;
/** Where we tell how it goes, and why it ended; publishers that open no such channel do without. */
const CHANNEL = 'sluice';
/** A last word needs so long to get out. */
const LAST_WORD_MS = 150;
const START_CODE = Uint8Array.of(0, 0, 0, 1);

export class PublisherPeer {
  readonly id: string;
  readonly #peer: Peer;
  readonly #mids: readonly string[];
  readonly #track: PeerTrack | null;
  readonly #sound: SoundReception | null;
  readonly #payloadType: number | null;
  readonly #tell: (message: FromProcess) => void;
  readonly #captureExtension: number | undefined;
  readonly #order = new RtpOrder();
  readonly #reception = new Reception();
  readonly #clock: SenderClock;
  readonly #h264: H264Depacketizer | null;
  readonly #vp8: Vp8Depacketizer | null;
  readonly #started = performance.now();
  #connected = false;
  #heard = performance.now();
  #askedAt = 0;
  #needKey = true;
  #time: { ticks: number; low: number } | null = null;
  #closed = false;

  /** @param video at least one of both */
  constructor(
    id: string,
    settings: WebRtcSettings,
    video: ChosenMedia | null,
    sound: ChosenMedia | null,
    tell: (message: FromProcess) => void,
  ) {
    this.id = id;
    this.#tell = tell;
    this.#mids = [video, sound].flatMap((chosen) => chosen?.media.mid ?? []);
    this.#payloadType = video?.codec.payloadType ?? null;
    this.#captureExtension = video?.media.extensions.get(ABS_CAPTURE_TIME);
    const codec = video?.codec.name.toUpperCase();
    this.#h264 = codec === 'H264' ? new H264Depacketizer() : null;
    this.#vp8 = codec === 'VP8' ? new Vp8Depacketizer() : null;
    this.#peer = new Peer(id, settings, { state: (state) => this.#onState(state), channel: () => {}, text: () => {} });
    const delays = new ReportDelays();
    this.#clock = new SenderClock(delays);
    const extensions = [ABS_CAPTURE_TIME];
    this.#track = video && this.#peer.addReceiveTrack({ ...video, extensions }, { packet: (bytes) => this.#onPacket(bytes) });
    this.#sound =
      sound &&
      new SoundReception(this.#peer, sound, delays, {
        heard: (now) => {
          this.#heard = now;
        },
        packet: (data, time, moment) => tell({ type: 'sound-unit', id, data, time, moment }),
        bye: () => !video && tell({ type: 'gone', id, reason: 'the publisher said goodbye' }),
      });
  }

  async answer(offer: string, sdp: Sdp): Promise<string> {
    const answer = withOnly(await this.#peer.answer(offer, sdp), this.#mids);
    return this.#payloadType === null ? answer : withStartRate(answer, this.#payloadType, START_KBIT);
  }

  addCandidate(candidate: string, mid: string): void {
    this.#peer.addCandidate(candidate, mid);
  }

  /** Each second, and at the first packet: what came, and what the sender may use. Browsers believe it at once in their first 2 s. */
  beat(): void {
    this.#sound?.beat();
    const report = this.#reception.report(performance.now());
    if (!report) return;
    this.#track?.sendControl(concatBytes([writeReceiverReport(report), writeRemb(report.ssrc, ALLOWED)]));
  }

  requestKey(): void {
    const now = performance.now();
    const { ssrc } = this.#reception;
    if (ssrc === null || now - this.#askedAt < KEY_MS) return;
    this.#askedAt = now;
    this.#track?.sendControl(writePli(ssrc));
  }

  sendText(text: string): void {
    this.#peer.sendText(CHANNEL, text);
  }

  /** So long, ms, this process was away and could hear nobody. */
  excuse(ms: number): void {
    this.#heard += ms;
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

  /** Says why, then closes. */
  closeWith(text: string): void {
    this.sendText(text);
    setTimeout(() => this.close(), LAST_WORD_MS);
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
    if (isRtcp(bytes)) return this.#onControl(bytes, now);
    // The library uses its memory again.
    const packet = readRtp(bytes.slice());
    if (!packet || packet.payloadType !== this.#payloadType) return;
    const first = this.#reception.ssrc === null;
    this.#reception.onPacket(packet, now);
    if (first) this.beat();
    // Padding for measuring the way has no payload, but a number.
    const { packets, missing } = this.#order.push(packet, now);
    if (missing.length) this.#track?.sendControl(writeNack(packet.ssrc, missing));
    for (const ordered of packets) {
      if (ordered.payload.length) this.#readCaptureTime(ordered);
      const unit = this.#h264?.push(ordered) ?? this.#vp8?.push(ordered) ?? null;
      if (unit === 'lost') this.#needKey = true;
      else if (unit) this.#onUnit(unit);
      // What refers to a missing picture would show its absence until the next key frame.
      if (this.#needKey) this.requestKey();
    }
  }

  #onControl(bytes: Uint8Array, now: number): void {
    for (const message of readRtcp(bytes)) {
      // Where there is sound too, reports of both may come together.
      const ours = this.#sound === null || (message.type === 'sender-report' && message.ssrc === this.#reception.ssrc);
      if (message.type === 'sender-report' && ours) {
        this.#reception.onSenderReport(message.mark, now);
        this.#clock.onSenderReport(message, monotonicMicros());
      } else if (message.type === 'bye') this.#tell({ type: 'gone', id: this.id, reason: 'the publisher said goodbye' });
    }
  }

  /** Capture time in NTP's 64 bits, as the sender's clock says (abs-capture-time). */
  #readCaptureTime({ extensions, timestamp }: RtpPacket): void {
    if (this.#captureExtension === undefined) return;
    const data = extensions.find(({ id }) => id === this.#captureExtension)?.data;
    if (!data || data.length < 8) return;
    const view = new DataView(data.buffer, data.byteOffset);
    this.#clock.onCaptureTime(ntpToMicros(view.getUint32(0), view.getUint32(4)), timestamp);
  }

  #onUnit(unit: { nals: Uint8Array[]; timestamp: number } | { frame: Uint8Array; timestamp: number }): void {
    const { id } = this;
    const key = 'nals' in unit ? hasKey(unit.nals) : isVp8Key(unit.frame);
    if (this.#needKey && !key) return;
    this.#needKey = false;
    const time = Math.round((this.#unwrap(unit.timestamp) * 100) / 9);
    const moment = this.#clock.momentOf(unit.timestamp, monotonicMicros());
    const data = 'nals' in unit ? concatBytes(unit.nals.flatMap((nal) => [START_CODE, nal])) : unit.frame;
    this.#tell({ type: 'unit', id, data, key, time, moment });
  }

  /** RTP times have 32 bits: 13 hours. */
  #unwrap(low: number): number {
    if (!this.#time) this.#time = { ticks: low, low };
    else this.#time = { ticks: this.#time.ticks + ((low - this.#time.low) | 0), low };
    return this.#time.ticks;
  }
}
