// One viewer inside the WebRTC process: its own numbering over the pictures that all viewers share, its feedback, its heartbeat.
import { readRtcp } from '../../formats/rtcp.ts';
import { RTP_HEADER_BYTES, writeExtensions } from '../../formats/rtp.ts';
import type { Sdp, SdpCodec, SdpMedia } from '../../formats/sdp.ts';
import { Peer, PLAYOUT_DELAY, type WebRtcSettings } from '../../native/webrtc.ts';
import type { FromProcess, PlayoutDelay, ViewerReport } from './messages.ts';

/** The label of the data channel that players open. */
export const CHANNEL = 'sluice';
/** A viewer that was silent for so long is gone: players send a heartbeat each second, others at least RTCP. */
const SILENT_MS = 5000;
/** One that never got through. */
const CONNECT_MS = 10_000;

/** A picture as RTP payloads, made once for all viewers. */
export interface Packetized {
  readonly payloads: readonly Uint8Array[];
  /** 32 bits. */
  readonly rtpTime: number;
  readonly key: boolean;
  /** For the data channel. */
  readonly text: string;
}

export class Viewer {
  readonly id: string;
  /** What it gets now. */
  feed: string;
  #next: string | null = null;
  readonly #peer: Peer;
  readonly #tell: (message: FromProcess) => void;
  readonly #ssrc: number;
  readonly #extension: Uint8Array;
  readonly #codec: SdpCodec;
  #sequence: number;
  #open = false;
  #needKey = true;
  #connected = false;
  #heard = performance.now();
  readonly #started = performance.now();
  #packets = 0;
  #bytes = 0;
  #pictures = 0;
  #resends = 0;
  #fractionLost = 0;
  #jitterMs = 0;
  #remb: number | null = null;
  #closed = false;

  constructor(
    id: string,
    feed: string,
    settings: WebRtcSettings,
    media: SdpMedia,
    codec: SdpCodec,
    delay: PlayoutDelay | null,
    tell: (message: FromProcess) => void,
  ) {
    this.id = id;
    this.feed = feed;
    this.#tell = tell;
    this.#codec = codec;
    this.#ssrc = Math.floor(Math.random() * 0xfffffffe) + 1;
    this.#sequence = Math.floor(Math.random() * 0x8000);
    this.#extension = delayExtension(media, delay);
    this.#peer = new Peer(id, settings, {
      state: (state) => this.#onState(state),
      open: () => {
        this.#open = true;
        tell({ type: 'need-key', feed: this.feed });
      },
      packet: (bytes) => this.#onRtcp(bytes),
      channel: () => {},
      text: (label, text) => {
        this.#heard = performance.now();
        if (label !== CHANNEL) return;
        if (text === 'ping') this.#peer.sendText(CHANNEL, 'pong');
        else if (text.length < 10_000) tell({ type: 'message', id, text });
      },
    });
    this.#peer.addSendTrack({ media, codec, ssrc: this.#ssrc, extensions: delay ? [PLAYOUT_DELAY] : [] });
  }

  answer(offer: string, sdp: Sdp): Promise<string> {
    return this.#peer.answer(offer, sdp);
  }

  addCandidate(candidate: string, mid: string): void {
    this.#peer.addCandidate(candidate, mid);
  }

  /** Goes over to another feed with its next key frame; both run on the same clock. */
  switchTo(feed: string): void {
    this.#next = feed === this.feed ? null : feed;
    if (this.#next) this.#tell({ type: 'need-key', feed });
  }

  send(feed: string, picture: Packetized): void {
    if (!this.#open || this.#closed) return;
    if (feed === this.#next && picture.key) {
      this.feed = feed;
      this.#next = null;
      this.#tell({ type: 'switched', id: this.id, feed });
    }
    if (feed !== this.feed) return;
    if (this.#needKey && !picture.key) return;
    this.#needKey = false;
    const last = picture.payloads.length - 1;
    for (const [i, payload] of picture.payloads.entries()) {
      const packet = this.#packet(payload, picture.rtpTime, i === last);
      this.#peer.send(packet, picture.rtpTime);
      this.#packets++;
      this.#bytes += packet.length;
    }
    this.#pictures++;
    this.#peer.sendText(CHANNEL, picture.text);
  }

  sendText(text: string): void {
    this.#peer.sendText(CHANNEL, text);
  }

  /** Whether it still shows signs of life. */
  check(now: number): string | null {
    if (!this.#connected) return now - this.#started > CONNECT_MS ? 'no connection came about' : null;
    return now - this.#heard > SILENT_MS ? `silent for ${SILENT_MS / 1000} s` : null;
  }

  get connected(): boolean {
    return this.#connected;
  }

  report(): ViewerReport {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      pictures: this.#pictures,
      resends: this.#resends,
      fractionLost: this.#fractionLost,
      jitterMs: this.#jitterMs,
      rttMs: this.#peer.rttMs,
      remb: this.#remb,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#peer.close();
  }

  #packet(payload: Uint8Array, rtpTime: number, marker: boolean): Uint8Array {
    const head = RTP_HEADER_BYTES + this.#extension.length;
    const bytes = new Uint8Array(head + payload.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = this.#extension.length ? 0x90 : 0x80;
    bytes[1] = (marker ? 0x80 : 0) | this.#codec.payloadType;
    view.setUint16(2, this.#sequence);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    view.setUint32(4, rtpTime);
    view.setUint32(8, this.#ssrc);
    bytes.set(this.#extension, RTP_HEADER_BYTES);
    bytes.set(payload, head);
    return bytes;
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

  #onRtcp(bytes: Uint8Array): void {
    this.#heard = performance.now();
    for (const message of readRtcp(bytes)) {
      if (message.type === 'pli' || message.type === 'fir') this.#tell({ type: 'need-key', feed: this.feed });
      else if (message.type === 'nack') this.#resends += message.sequences.length;
      else if (message.type === 'remb') this.#remb = message.bitrate;
      else if (message.type === 'report' && message.ssrc === this.#ssrc) {
        this.#fractionLost = message.fractionLost;
        this.#jitterMs = message.jitter / 90;
      } else if (message.type === 'bye') this.#tell({ type: 'gone', id: this.id, reason: 'the viewer said goodbye' });
    }
  }
}

/** The playout-delay element (12 bits each for the least and most delay, in 10 ms), if the offer has it. */
function delayExtension(media: SdpMedia, delay: PlayoutDelay | null): Uint8Array {
  const id = media.extensions.get(PLAYOUT_DELAY);
  if (!delay || id === undefined || id > 14) return new Uint8Array();
  const min = Math.min(4095, Math.round(delay.min / 10));
  const max = Math.min(4095, Math.round(delay.max / 10));
  return writeExtensions([{ id, data: Uint8Array.of(min >> 4, ((min & 15) << 4) | (max >> 8), max & 0xff) }]);
}
