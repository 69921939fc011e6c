// Fragments to pixels by WebCodecs: every decoded picture goes to the canvas at once.
import { readVideoTrack } from '../formats/fmp4-read.ts';
import type { H264Frame, H264Init, H264Sink } from './h264-sink.ts';
import type { TransportContext } from './transport.ts';

/** More pictures than these inside the decoder: it does not keep up, and the next key frame is waited for. */
const MAX_QUEUED = 6;

export function openH264Canvas(context: TransportContext): H264Sink {
  return new H264Canvas(context);
}

class H264Canvas implements H264Sink {
  readonly picture = document.createElement('canvas');
  readonly name = 'WebCodecs';
  readonly bufferedSeconds = null;
  readonly playbackRate = 1;
  readonly #context: TransportContext;
  readonly #canvas: CanvasRenderingContext2D;
  readonly #frames = new Map<number, H264Frame>();
  #decoder: VideoDecoder | null = null;
  #needKey = true;
  #halted = false;
  #lastId = 0;
  dropped = 0;

  constructor(context: TransportContext) {
    this.#context = context;
    const canvas = this.picture.getContext('2d', { alpha: false });
    if (!canvas) throw new Error('this browser gives no canvas');
    this.#canvas = canvas;
  }

  init(init: H264Init): void {
    const track = readVideoTrack(init.segment);
    if (!track) return this.#fail('the description of the video could not be read');
    this.#closeDecoder();
    const decoder = new VideoDecoder({
      output: (picture) => this.#draw(picture),
      error: (error) => this.#fail(`the video could not be decoded (${error.message})`),
    });
    this.#decoder = decoder;
    this.#needKey = true;
    const { codec, width: codedWidth, height: codedHeight } = init;
    decoder.configure({ codec, codedWidth, codedHeight, description: track.description, optimizeForLatency: true });
  }

  push(frame: H264Frame): void {
    const decoder = this.#decoder;
    if (!decoder || this.#halted) return;
    if (decoder.decodeQueueSize > MAX_QUEUED) this.#needKey = true;
    if (this.#needKey && !frame.key) {
      this.dropped++;
      return;
    }
    this.#needKey = false;
    // A chunk's time is a 64-bit integer of µs: what goes in comes out.
    const timestamp = Math.round((frame.pts * 100) / 9);
    this.#frames.set(timestamp, frame);
    decoder.decode(new EncodedVideoChunk({ type: frame.key ? 'key' : 'delta', timestamp, data: frame.sample }));
  }

  halt(): void {
    this.#halted = true;
    this.#closeDecoder();
  }

  close(): void {
    this.halt();
  }

  setAudio(): void {}

  #draw(picture: VideoFrame): void {
    const frame = this.#frames.get(picture.timestamp);
    for (const timestamp of this.#frames.keys()) if (timestamp <= picture.timestamp) this.#frames.delete(timestamp);
    if (this.#halted) return picture.close();
    const { displayWidth: width, displayHeight: height } = picture;
    // Setting the size clears the canvas, so only where it changed.
    if (this.picture.width !== width || this.picture.height !== height) {
      this.picture.width = width;
      this.picture.height = height;
    }
    this.#canvas.drawImage(picture, 0, 0, width, height);
    picture.close();
    const id = frame?.id ?? 0;
    this.#context.events.shown({
      frame: frame ? { id, timestamp: frame.timestamp } : null,
      repeat: frame !== undefined && (frame.repeat || id === this.#lastId),
      atMs: performance.now(),
    });
    this.#lastId = id;
  }

  #closeDecoder(): void {
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
    this.#frames.clear();
  }

  #fail(reason: string): void {
    this.#context.events.failed({ kind: 'unusable', reason });
  }
}
