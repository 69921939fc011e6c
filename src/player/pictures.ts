// Single pictures over WebSocket, drawn on a canvas: JPEG and lossless. Nothing queues: one picture is being decoded, one waits, and a newer one replaces the waiting one.
import { type FrameHeader, readFrameHeader } from '../formats/frame-header.ts';
import type { Query } from './address.ts';
import { MediaSocket } from './media-socket.ts';
import type { Transport, TransportContext, TransportStats } from './transport.ts';

/** So many undecodable pictures in a row are not an accident. */
const MAX_BAD = 20;

/** Draws messages on one canvas, one at a time. */
export interface PicturePainter {
  /** For people. */
  readonly name: string;
  /**
   * Resolves with false if `wanted` said no after decoding, else when the picture is on the canvas. Rejects if it cannot be decoded. Drawing
   * follows on `wanted` at once: the next picture may be decoded meanwhile.
   */
  paint(header: FrameHeader, payload: Uint8Array<ArrayBuffer>, wanted: () => boolean): Promise<boolean>;
  close?(): void;
}

interface Message {
  readonly header: FrameHeader;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** `query` of the socket's address names the codec. */
export class PictureTransport implements Transport {
  readonly dvr = null;
  readonly #canvas: () => HTMLCanvasElement;
  readonly #context: TransportContext;
  readonly #socket: MediaSocket;
  readonly #painter: PicturePainter;
  readonly #isJpeg: boolean;
  #decoding = false;
  #next: Message | undefined;
  #lastId = 0;
  #quality: number | null = null;
  #dropped = 0;
  #bad = 0;

  constructor(context: TransportContext, canvas: () => HTMLCanvasElement, painter: PicturePainter, query: Query) {
    this.#context = context;
    this.#canvas = canvas;
    this.#painter = painter;
    this.#isJpeg = query.codec === 'jpeg';
    this.#socket = new MediaSocket(context.address.liveSocket('ws', query), {
      bytes: (bytes) => this.#onFrame(bytes),
      text: (message) => this.#onText(message),
      failed: (failure) => {
        this.halt();
        context.events.failed(failure);
      },
    });
  }

  get picture(): HTMLCanvasElement {
    return this.#canvas();
  }

  halt(): void {
    this.#next = undefined;
    this.#socket.close();
  }

  close(): void {
    this.halt();
    this.#painter.close?.();
  }

  stats(): TransportStats {
    return {
      atMs: performance.now(),
      bytes: this.#socket.bytes,
      dropped: this.#dropped + this.#socket.skipped,
      decoder: this.#painter.name,
      bufferedSeconds: null,
      playbackRate: 1,
      quality: this.#quality === null ? null : { jpeg: this.#quality, rung: null, bitrate: null },
      network: null,
    };
  }

  setAudio(): void {}

  #onFrame(bytes: Uint8Array<ArrayBuffer>): void {
    let message: Message;
    try {
      const header = readFrameHeader(bytes);
      message = { header, payload: bytes.subarray(header.headerBytes) };
    } catch (error) {
      this.#countBad(error instanceof Error ? error.message : '');
      return;
    }
    if (!this.#decoding) {
      void this.#draw(message);
      return;
    }
    if (this.#next) {
      this.#dropped++;
      this.#socket.send({ type: 'ack', id: this.#next.header.id });
    }
    this.#next = message;
  }

  async #draw(message: Message): Promise<void> {
    this.#decoding = true;
    let decoded = false;
    // The decoder need not wait until this one is drawn.
    const goOn = () => {
      if (decoded) return;
      decoded = true;
      this.#decoding = false;
      const next = this.#next;
      this.#next = undefined;
      if (next && !this.#socket.closed) void this.#draw(next);
    };
    const wanted = () => {
      goOn();
      // A paused player keeps the picture that it has named.
      return !this.#socket.closed;
    };
    try {
      if (!(await this.#painter.paint(message.header, message.payload, wanted))) return;
      this.#bad = 0;
      const atMs = performance.now();
      const { id, timestamp } = message.header;
      this.#context.events.shown({ frame: { id, timestamp }, repeat: this.#lastId === id, atMs });
      this.#lastId = id;
    } catch (error) {
      this.#countBad(error instanceof Error ? error.message : '');
    } finally {
      this.#socket.send({ type: 'ack', id: message.header.id });
      goOn();
    }
  }

  #onText({ type, quality }: Record<string, unknown>): void {
    if (this.#isJpeg && (type === 'init' || type === 'settings') && typeof quality === 'number') this.#quality = quality;
  }

  #countBad(why: string): void {
    this.#dropped++;
    if (++this.#bad < MAX_BAD) return;
    // Of JPEG another way may bring what can be decoded; to every value there is none, so it is tried again.
    this.#socket.fail(this.#isJpeg ? 'unusable' : 'lost', `the pictures could not be decoded${why && `: ${why}`}`);
  }
}
