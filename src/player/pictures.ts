// Single pictures over WebSocket, drawn on a canvas: JPEG and lossless. Nothing queues: one picture is being decoded, one waits, and a newer one replaces the waiting one.
import { type FrameHeader, readFrameHeader } from '../formats/frame-header.ts';
import type { Query } from './address.ts';
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
  readonly #socket: WebSocket;
  readonly #painter: PicturePainter;
  readonly #isJpeg: boolean;
  #decoding = false;
  #next: Message | undefined;
  #lastId = 0;
  #quality: number | null = null;
  #problem: string | undefined;
  #opened = false;
  #halted = false;
  #bytes = 0;
  #dropped = 0;
  #bad = 0;

  constructor(context: TransportContext, canvas: () => HTMLCanvasElement, painter: PicturePainter, query: Query) {
    this.#context = context;
    this.#canvas = canvas;
    this.#painter = painter;
    this.#isJpeg = query.codec === 'jpeg';
    const socket = new WebSocket(context.address.liveSocket('ws', query));
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => (this.#opened = true);
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (event.data instanceof ArrayBuffer) this.#onFrame(new Uint8Array(event.data));
      else if (typeof event.data === 'string') this.#onText(event.data);
    };
    socket.onclose = (event) => {
      this.#fail('lost', this.#problem ?? (event.reason || (this.#opened ? 'the connection ended' : 'the connection could not be made')));
    };
  }

  get picture(): HTMLCanvasElement {
    return this.#canvas();
  }

  halt(): void {
    if (this.#halted) return;
    this.#halted = true;
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
      bytes: this.#bytes,
      dropped: this.#dropped,
      decoder: this.#painter.name,
      bufferedSeconds: null,
      playbackRate: 1,
      quality: this.#quality === null ? null : { jpeg: this.#quality, rung: null, bitrate: null },
      network: null,
    };
  }

  setAudio(): void {}

  #onFrame(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#halted) return;
    this.#bytes += bytes.length;
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
      this.#send({ type: 'ack', id: this.#next.header.id });
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
      if (next && !this.#halted) void this.#draw(next);
    };
    const wanted = () => {
      goOn();
      // A paused player keeps the picture that it has named.
      return !this.#halted;
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
      this.#send({ type: 'ack', id: message.header.id });
      goOn();
    }
  }

  #onText(text: string): void {
    let message: { type?: unknown; from?: unknown; to?: unknown; quality?: unknown; detail?: unknown; problem?: { detail?: unknown } };
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.type === 'skip' && typeof message.from === 'number' && typeof message.to === 'number') {
      this.#dropped += Math.max(0, message.to - message.from + 1);
    } else if (this.#isJpeg && (message.type === 'init' || message.type === 'settings') && typeof message.quality === 'number') {
      this.#quality = message.quality;
    } else if (message.type === 'error') {
      const detail = message.detail ?? message.problem?.detail;
      if (typeof detail === 'string') this.#problem = detail;
    }
  }

  #countBad(why: string): void {
    this.#dropped++;
    if (++this.#bad < MAX_BAD) return;
    // Of JPEG another way may bring what can be decoded; to every value there is none, so it is tried again.
    this.#fail(this.#isJpeg ? 'unusable' : 'lost', `the pictures could not be decoded${why && `: ${why}`}`);
  }

  #send(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #fail(kind: 'unusable' | 'lost', reason: string): void {
    if (this.#halted) return;
    this.halt();
    this.#context.events.failed({ kind, reason });
  }
}
