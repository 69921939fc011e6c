// Pictures of the wall. JPEGs arrive over the events socket and go straight to canvases: no picture passes through framework state. Only
// cards in view of a visible page are asked for. Per canvas one picture is decoded at a time and the newest waits: older ones are dropped.
import { type FrameHeader, readFrameHeader } from '../../src/formats/frame-header.ts';

/** Asks the server for the thumbnails of these streams, and of no others, from now on. */
export type AskForThumbnails = (streams: string[], width: number, fps: number) => void;

const FPS = 8;
/** Asked-for widths: few, so that the server encodes each stream for few settings. */
const WIDTHS = [320, 480, 640];
/** Cards that come into view while somebody scrolls are asked for together. */
const SETTLE_MS = 60;
/** How far outside the window a card counts as in view. */
const MARGIN = '120px';

class Sink {
  readonly stream: string;
  readonly canvas: HTMLCanvasElement;
  inView = false;
  #decoding = false;
  #next: { jpeg: Blob; id: number } | null = null;
  readonly #onFirst: () => void;
  #first = true;

  constructor(stream: string, canvas: HTMLCanvasElement, onFirst: () => void) {
    this.stream = stream;
    this.canvas = canvas;
    this.#onFirst = onFirst;
  }

  offer(jpeg: Blob, id: number): void {
    this.#next = { jpeg, id };
    if (!this.#decoding) void this.#decode();
  }

  async #decode(): Promise<void> {
    this.#decoding = true;
    try {
      while (this.#next) {
        const { jpeg, id } = this.#next;
        this.#next = null;
        const bitmap = await createImageBitmap(jpeg);
        const context = this.canvas.getContext('bitmaprenderer');
        if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
          this.canvas.width = bitmap.width;
          this.canvas.height = bitmap.height;
        }
        context?.transferFromImageBitmap(bitmap);
        this.canvas.dataset.frame = String(id);
        if (this.#first) {
          this.#first = false;
          this.#onFirst();
        }
      }
    } catch {
      // A picture that cannot be decoded is left out; the next one comes in a moment.
    } finally {
      this.#decoding = false;
    }
  }
}

export class Thumbnails {
  readonly #ask: AskForThumbnails;
  readonly #sinks = new Map<Element, Sink>();
  readonly #observer: IntersectionObserver;
  #settling = false;

  constructor(ask: AskForThumbnails) {
    this.#ask = ask;
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const sink = this.#sinks.get(entry.target);
          if (sink) sink.inView = entry.isIntersecting;
        }
        this.#settle();
      },
      { rootMargin: MARGIN },
    );
    document.addEventListener('visibilitychange', () => this.#settle());
  }

  /** Shows the stream's pictures in the canvas until the returned function is called. `onFirst`: the first picture is there. */
  show(stream: string, canvas: HTMLCanvasElement, onFirst: () => void): () => void {
    this.#sinks.set(canvas, new Sink(stream, canvas, onFirst));
    this.#observer.observe(canvas);
    return () => {
      this.#observer.unobserve(canvas);
      this.#sinks.delete(canvas);
      this.#settle();
    };
  }

  /** Takes a binary message of the events socket: frame header with `{ stream }` in its metadata, then a JPEG. */
  receive(bytes: Uint8Array<ArrayBuffer>): void {
    let header: FrameHeader;
    try {
      header = readFrameHeader(bytes);
    } catch {
      return;
    }
    const stream = header.metadata?.stream;
    let jpeg: Blob | null = null;
    for (const sink of this.#sinks.values()) {
      if (sink.stream !== stream || !sink.inView) continue;
      jpeg ??= new Blob([bytes.subarray(header.headerBytes, header.headerBytes + header.payloadBytes)], { type: 'image/jpeg' });
      sink.offer(jpeg, header.id);
    }
  }

  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    setTimeout(() => {
      this.#settling = false;
      const names = new Set<string>();
      let widest = 0;
      if (document.visibilityState === 'visible') {
        for (const sink of this.#sinks.values()) {
          if (!sink.inView) continue;
          names.add(sink.stream);
          widest = Math.max(widest, sink.canvas.clientWidth);
        }
      }
      const width = WIDTHS.find((each) => each >= widest) ?? WIDTHS.at(-1)!;
      this.#ask([...names].sort(), names.size ? width : WIDTHS[0]!, FPS);
    }, SETTLE_MS);
  }
}
