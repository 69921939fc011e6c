// H.264 over WebSocket: one-frame fragments as soon as they are encoded, shown by Media Source (cheapest) or by WebCodecs on a canvas (lowest
// latency, secure contexts only). Which frame a picture is stands in its SEI.
import { readIdentities } from '../formats/fmp4-read.ts';
import { isKeySample } from '../formats/h264.ts';
import { openH264Canvas } from './h264-canvas.ts';
import { type H264Sink, mediaSource } from './h264-sink.ts';
import { openH264Video } from './h264-video.ts';
import { MediaSocket } from './media-socket.ts';
import type { ShownFrame, Transport, TransportContext, TransportFailure, TransportStats } from './transport.ts';

/** One acknowledgement for so many pictures: the server lets more than these be on their way. */
const ACK_EVERY = 4;

/** Why it cannot be used here, as a clause. */
export function h264Unusable(): string | null {
  if (!('WebSocket' in globalThis)) return 'this browser has no WebSocket';
  if (mediaSource() || 'VideoDecoder' in globalThis) return null;
  return 'this browser has neither Media Source nor WebCodecs';
}

export async function openH264(context: TransportContext): Promise<Transport> {
  return new H264Transport(context);
}

class H264Transport implements Transport {
  readonly dvr = null;
  readonly #sink: H264Sink;
  readonly #socket: MediaSocket;
  #bitrate: number | null = null;
  #unacked = 0;

  constructor(context: TransportContext) {
    const events = { ...context.events, failed: ({ kind, reason }: TransportFailure) => this.#socket.fail(kind, reason) };
    const canvas = context.decoder === 'webcodecs' || !mediaSource();
    if (canvas && !('VideoDecoder' in globalThis)) {
      throw new Error(isSecureContext ? 'this browser has no WebCodecs' : 'WebCodecs needs https or localhost');
    }
    this.#sink = canvas ? openH264Canvas({ ...context, events }) : openH264Video({ ...context, events });
    this.#socket = new MediaSocket(context.address.liveSocket('ws', { codec: 'h264' }), {
      bytes: (bytes) => this.#onFragment(bytes),
      text: (message) => this.#onText(message),
      failed: (failure) => {
        this.halt();
        context.events.failed(failure);
      },
    });
  }

  get picture(): HTMLVideoElement | HTMLCanvasElement {
    return this.#sink.picture;
  }

  halt(): void {
    this.#socket.close();
    this.#sink.halt();
  }

  close(): void {
    this.halt();
    this.#sink.close();
  }

  frameNow(): ShownFrame | null | undefined {
    return this.#sink.frameNow?.();
  }

  stats(): TransportStats {
    const { name: decoder, dropped, bufferedSeconds, playbackRate } = this.#sink;
    return {
      atMs: performance.now(),
      bytes: this.#socket.bytes,
      dropped: dropped + this.#socket.skipped,
      decoder,
      bufferedSeconds,
      playbackRate,
      quality: this.#bitrate ? { jpeg: null, rung: null, bitrate: this.#bitrate } : null,
      network: null,
    };
  }

  setAudio(muted: boolean, volume: number): void {
    this.#sink.setAudio(muted, volume);
  }

  #onFragment(bytes: Uint8Array<ArrayBuffer>): void {
    for (const { identity, pts, offset, size } of readIdentities(bytes)) {
      const sample = bytes.subarray(offset, offset + size);
      const { id, timestamp, repeat } = identity;
      this.#sink.push({ fragment: bytes, sample, id, timestamp, pts, key: isKeySample(sample), repeat });
      if (++this.#unacked < ACK_EVERY) continue;
      this.#unacked = 0;
      this.#socket.send({ type: 'ack', id });
    }
  }

  #onText({ type, codec, width, height, bitrate, init }: Record<string, unknown>): void {
    if (type !== 'init' || typeof codec !== 'string' || typeof init !== 'string') return;
    this.#bitrate = typeof bitrate === 'number' ? bitrate : null;
    this.#sink.init({ codec, width: Number(width), height: Number(height), segment: fromBase64(init) });
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
