// Sound on its way to one viewer: its own numbers over payloads that all viewers share. It is little and goes out at once; packets that
// are lost are not worth a second try, Opus conceals them.
import { opusTime } from '../../formats/opus.ts';
import { RTP_HEADER_BYTES } from '../../formats/rtp.ts';
import type { SdpCodec, SdpMedia } from '../../formats/sdp.ts';
import type { Peer, PeerTrack, TrackEvents } from '../../native/webrtc.ts';
import { SenderReports } from './sender-reports.ts';

/** A packet of Opus, made once for all viewers. */
export interface SoundPacket {
  readonly payload: Uint8Array;
  /** 32 bits at 48 kHz. */
  readonly rtpTime: number;
  /** Capture time of its first sample, µs UTC. */
  readonly timestamp: number;
}

/** The longest packet of Opus has 1275 bytes for each frame; ours hold one (RFC 6716 3.2.1). */
const scratch = Buffer.alloc(RTP_HEADER_BYTES + 1500);

export class SoundSender {
  readonly #track: PeerTrack;
  readonly #payloadType: number;
  readonly #ssrc: number;
  readonly #reports: SenderReports;
  #sequence = Math.floor(Math.random() * 0x8000);
  /** Of the RTP time to that of the capture. */
  #ahead = 0;
  #begins = true;
  #on: boolean;
  #packets = 0;
  #bytes = 0;

  /**
   * @param on whether it sends from the start
   * @param packet told what receivers say
   */
  constructor(
    peer: Peer,
    { media, codec }: { readonly media: SdpMedia; readonly codec: SdpCodec },
    ssrc: number,
    on: boolean,
    { packet = () => {} }: Partial<TrackEvents>,
  ) {
    this.#ssrc = ssrc;
    this.#payloadType = codec.payloadType;
    this.#on = on;
    this.#track = peer.addSendTrack({ media, codec, ssrc, rtx: null, extensions: [] }, { packet });
    this.#reports = new SenderReports({
      ssrc,
      rtpTimeAt: (time) => (opusTime(time) + this.#ahead) >>> 0,
      write: (bytes) => this.#track.sendControl(bytes),
    });
  }

  /** Sends from now on, or nothing more. */
  turn(on: boolean): void {
    this.#on = on;
    this.#begins = true;
  }

  send({ payload, rtpTime, timestamp }: SoundPacket): void {
    if (!this.#on || payload.length > scratch.length - RTP_HEADER_BYTES) return;
    this.#ahead = (rtpTime - opusTime(timestamp)) | 0;
    scratch[0] = 0x80;
    // The marker is the beginning of a talkspurt (RFC 3551 4.1).
    scratch[1] = (this.#begins ? 0x80 : 0) | this.#payloadType;
    scratch.writeUInt16BE(this.#sequence, 2);
    scratch.writeUInt32BE(rtpTime >>> 0, 4);
    scratch.writeUInt32BE(this.#ssrc, 8);
    scratch.set(payload, RTP_HEADER_BYTES);
    if (!this.#track.send(scratch.subarray(0, RTP_HEADER_BYTES + payload.length))) return;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#begins = false;
    this.#packets++;
    this.#bytes += payload.length;
    this.#reports.sent(this.#packets, this.#bytes, performance.now());
  }
}
