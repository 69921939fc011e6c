// What a server encodes, sent on as plain RTP: the same pictures in packets of the same size as its own WebRTC viewers get them.
import { createSocket, type Socket } from 'node:dgram';
import { WebSocket } from 'ws';
import { readSamples, readVideoTrack } from '../src/formats/fmp4-read.ts';
import { isKeySample, nalsOf } from '../src/formats/h264.ts';
import { packetizeH264, parameterSets, writeRtp } from '../src/formats/rtp.ts';

const SSRC = 0x534c5543;

export interface FeedCounts {
  packets: number;
  pictures: number;
  /** Of the RTP packets. */
  bytes: number;
}

export class RtpFeed implements Disposable {
  readonly #ws: WebSocket;
  readonly #socket: Socket = createSocket('udp4');
  readonly #payloadType: number;
  #port: number | null = null;
  #parameterSets: Uint8Array[] = [];
  #sequence = 0;
  readonly counts: FeedCounts = { packets: 0, pictures: 0, bytes: 0 };
  /** Why it ended, if it has. */
  failure: string | null = null;

  /** @param url of the server under test */
  constructor(url: string, stream: string, payloadType: number) {
    this.#payloadType = payloadType;
    const address = new URL(`live/${stream}/ws?codec=h264`, url);
    address.protocol = 'ws:';
    this.#ws = new WebSocket(address, { perMessageDeflate: false });
    this.#ws.on('message', (data: Buffer, binary) => (binary ? this.#onFragment(data) : this.#onText(String(data))));
    this.#ws.on('error', (error) => (this.failure ??= error.message));
    this.#ws.on('close', (code) => (this.failure ??= `closed with ${code}`));
    // Nobody listens while the receiving side is started or stopped.
    this.#socket.on('error', () => {});
  }

  /** Where the packets go; `null` = nowhere. */
  sendTo(port: number | null): void {
    this.#port = port;
  }

  #onText(text: string): void {
    const message = JSON.parse(text) as { type: string; init?: string };
    if (message.type !== 'init') return;
    const track = readVideoTrack(Buffer.from(message.init!, 'base64'));
    if (track) this.#parameterSets = parameterSets(track.description);
  }

  #onFragment(bytes: Buffer): void {
    for (const { offset, size, pts } of readSamples(bytes)) {
      const sample = bytes.subarray(offset, offset + size);
      const nals = [...nalsOf(sample)];
      const payloads = packetizeH264(isKeySample(sample) ? [...this.#parameterSets, ...nals] : nals);
      for (const [i, payload] of payloads.entries()) {
        const marker = i === payloads.length - 1;
        const header = { marker, payloadType: this.#payloadType, sequence: this.#sequence, timestamp: pts % 2 ** 32, ssrc: SSRC };
        const packet = writeRtp({ ...header, extensions: [] }, payload);
        this.#sequence = (this.#sequence + 1) & 0xffff;
        this.counts.packets++;
        this.counts.bytes += packet.length;
        if (this.#port !== null) this.#socket.send(packet, this.#port, '127.0.0.1');
      }
      this.counts.pictures++;
    }
  }

  [Symbol.dispose](): void {
    this.failure ??= 'ended';
    this.#ws.terminate();
    this.#socket.close();
  }
}
