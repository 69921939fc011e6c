// One picture in the words of ImSwitch's clients, made once for all of them: in the format of today (msgpack in the event `frame`), and in that
// of October 2025 (a bare packet in `frame` and JSON in `signal`).
import { encode } from '@msgpack/msgpack';
import type { Packet } from '../../core/packet.ts';

/** What its sockets carry. */
export type SocketProtocol = 'binary' | 'jpeg';

/** Whence a picture comes. */
export interface PictureSource {
  readonly detector: string;
  readonly protocol: SocketProtocol;
  /** µm; 1 where nobody has said it, as there. */
  readonly pixelSize: number;
  readonly quality: number;
}

const BIN32 = 0xc6;
const STR32 = 0xdb;

export class ImswitchPicture {
  readonly packet: Packet;
  readonly source: PictureSource;
  /** 0 to 255, the same for all clients: so the message is packed once. */
  readonly id: number;
  #message: Buffer | null = null;
  #base64: string | null = null;
  #october: OctoberMessages | null = null;

  constructor(packet: Packet, source: PictureSource, id: number) {
    this.packet = packet;
    this.source = source;
    this.id = id;
  }

  /** Event `frame` of today: msgpack of `{metadata, data}` or `{metadata, image}`. */
  get message(): Buffer {
    this.#message ??=
      this.source.protocol === 'binary'
        ? this.#pack('data', BIN32, this.packet.data)
        : this.#pack('image', STR32, Buffer.from(this.base64));
    return this.#message;
  }

  /** The JPEG, in base64. */
  get base64(): string {
    const { data } = this.packet;
    this.#base64 ??= Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    return this.#base64;
  }

  /** The events of October 2025. */
  get october(): OctoberMessages {
    this.#october ??= this.source.protocol === 'binary' ? this.#octoberBinary() : this.#octoberJpeg();
    return this.#october;
  }

  /** A map of two entries, written by hand: the encoder would copy the picture several times while its buffer grows. */
  #pack(key: 'data' | 'image', type: number, content: Uint8Array): Buffer {
    const head = Buffer.from([type, 0, 0, 0, 0]);
    head.writeUInt32BE(content.length, 1);
    const metadata = encode(this.#metadata(), { useBigInt64: true });
    return Buffer.concat([Buffer.from([0x82]), encode('metadata'), metadata, encode(key), head, content]);
  }

  #metadata(): Record<string, unknown> {
    const { packet, source } = this;
    const { detector, protocol, pixelSize, quality } = source;
    const common = {
      server_timestamp: packet.timestamp / 1e6,
      frame_id: this.id,
      detector_name: detector,
      pixel_size: pixelSize,
      format: protocol,
      protocol,
      // Not there: who it is and when it was captured, µs.
      frame: packet.id,
      timestamp: packet.timestamp,
    };
    if (protocol === 'binary') return { ...common, ...this.#encoding(), timestamp_ns: BigInt(packet.timestamp) * 1000n };
    return { ...common, jpeg_quality: quality, width: packet.track.width, height: packet.track.height };
  }

  /** What its encoder says, and what follows from it. */
  #encoding(): Record<string, unknown> {
    const { track, data, times } = this.packet;
    const described = JSON.parse(new TextDecoder().decode(track.description)) as Record<string, unknown> & { raw_bytes: number };
    const compressed = data.length - 36;
    return {
      ...described,
      compressed_bytes: compressed,
      packet_bytes: data.length,
      compression_ratio: described.raw_bytes / compressed,
      // With the wait in front of the encoder.
      encode_time_ms: (times.encoded - times.received) / 1000,
    };
  }

  #octoberBinary(): OctoberMessages {
    const { packet, source } = this;
    const metadata = {
      ...this.#encoding(),
      timestamp_ns: packet.timestamp * 1000,
      server_timestamp: packet.timestamp / 1e6,
      image_id: packet.id,
      detectorname: source.detector,
      ...pixelSizes(source.pixelSize),
      format: 'binary',
    };
    const signal = { name: 'frame_meta', detectorname: source.detector, ...pixelSizes(source.pixelSize), format: 'binary', metadata };
    return { packet: Buffer.from(packet.data.buffer, packet.data.byteOffset, packet.data.byteLength), signal: JSON.stringify(signal) };
  }

  #octoberJpeg(): OctoberMessages {
    const { packet, source } = this;
    const signal = {
      name: 'sigUpdateImage',
      detectorname: source.detector,
      ...pixelSizes(source.pixelSize),
      format: 'jpeg',
      image: this.base64,
      server_timestamp: packet.timestamp / 1e6,
      image_id: packet.id,
    };
    return { packet: null, signal: JSON.stringify(signal) };
  }
}

/** `packet`: event `frame`, to be acknowledged; `null`: the picture is in the signal, and that is to be acknowledged. */
export interface OctoberMessages {
  readonly packet: Buffer | null;
  /** Event `signal`, JSON. */
  readonly signal: string;
}

/** There it is cut to whole µm; its true value stands beside it. */
function pixelSizes(pixelSize: number) {
  return { pixelsize: Math.trunc(pixelSize), pixel_size: pixelSize };
}
