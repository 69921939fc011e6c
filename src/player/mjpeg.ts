// MJPEG, read as a byte stream so that each picture comes with its identity, and shown in one lasting <img>.
import { MultipartReader, multipartBoundary } from '../formats/multipart-read.ts';
import { eventsOf } from './page-events.ts';
import type { ShownFrame, Transport, TransportContext, TransportStats } from './transport.ts';

/** Why it cannot be used here, as a clause. */
export function mjpegUnusable(): string | null {
  return 'ReadableStream' in globalThis && 'fetch' in globalThis ? null : 'this browser cannot read a stream of pictures';
}

export async function openMjpeg(context: TransportContext): Promise<Transport> {
  return new MjpegTransport(context);
}

interface Part {
  readonly frame: ShownFrame | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

class MjpegTransport implements Transport {
  readonly picture = document.createElement('img');
  readonly dvr = null;
  readonly #context: TransportContext;
  readonly #abort = new AbortController();
  /** Nothing goes from here to the server on the connection of the pictures: the page says in its other one that this viewer is alive. */
  readonly #viewer = randomName();
  readonly #leave: () => void;
  #url = '';
  #loading = false;
  #next: Part | undefined;
  #lastId = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(context: TransportContext) {
    this.#context = context;
    this.picture.alt = '';
    this.picture.decoding = 'sync';
    this.picture.draggable = false;
    this.#leave = eventsOf(context.address.server, context.address.token).watching(this.#viewer);
    this.#run().catch((error: unknown) => this.#fail(error instanceof Error ? error.message : 'the connection ended'));
  }

  halt(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#leave();
    this.#next = undefined;
  }

  close(): void {
    this.halt();
    this.picture.removeAttribute('src');
    URL.revokeObjectURL(this.#url);
  }

  stats(): TransportStats {
    return {
      atMs: performance.now(),
      bytes: this.#bytes,
      dropped: this.#dropped,
      decoder: '<img>',
      bufferedSeconds: null,
      playbackRate: 1,
      quality: null,
      network: null,
    };
  }

  setAudio(): void {}

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const response = await fetch(this.#context.address.live('mjpeg', { viewer: this.#viewer }), { signal, cache: 'no-store' }).catch(() => {
      throw new Error('the connection could not be made');
    });
    if (!response.ok || !response.body) throw new Error(`the pictures could not be loaded (status ${response.status})`);
    const boundary = multipartBoundary(response.headers.get('content-type') ?? '');
    if (!boundary) throw new Error('the answer is not a stream of pictures');
    const reader = new MultipartReader(boundary);
    const stream = response.body.getReader();
    while (!reader.ended) {
      const { done, value } = await stream.read().catch(() => {
        throw new Error('the connection ended');
      });
      if (done) break;
      this.#bytes += value.length;
      for (const { headers, body } of reader.push(value)) {
        const id = Number(headers.get('x-sluice-frame'));
        const timestamp = Number(headers.get('x-sluice-timestamp'));
        const frame = id > 0 && timestamp > 0 ? { id, timestamp } : null;
        this.#offer({ frame, bytes: body as Uint8Array<ArrayBuffer>, type: headers.get('content-type') ?? 'image/jpeg' });
      }
    }
    throw new Error('the server ended the stream of pictures');
  }

  /** One picture is being loaded, one waits; a newer one replaces the waiting one. */
  #offer(part: Part): void {
    if (!this.#loading) {
      void this.#show(part);
      return;
    }
    if (this.#next) this.#dropped++;
    this.#next = part;
  }

  /** The <img> keeps its picture until the next one has been loaded (HTML, "updating the image data"), so nothing flickers. */
  async #show(part: Part): Promise<void> {
    this.#loading = true;
    const url = pictureUrl(part);
    try {
      await load(this.picture, url);
      if (this.#abort.signal.aborted) return;
      this.#context.events.shown({ frame: part.frame, repeat: part.frame?.id === this.#lastId, atMs: performance.now() });
      this.#lastId = part.frame?.id ?? 0;
    } catch {
      this.#dropped++;
    } finally {
      const halted = this.#abort.signal.aborted;
      URL.revokeObjectURL(halted ? url : this.#url);
      if (!halted) this.#url = url;
      this.#loading = false;
      const next = this.#next;
      this.#next = undefined;
      if (next && !halted) void this.#show(next);
    }
  }

  #fail(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.halt();
    this.#context.events.failed({ kind: 'lost', reason });
  }
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Address of a picture. A data: address is loaded inside the page's own process, without the two hops that a blob: address takes. */
function pictureUrl({ bytes, type }: Part): string {
  const encodable = bytes as { toBase64?: () => string };
  return encodable.toBase64 ? `data:${type};base64,${encodable.toBase64()}` : URL.createObjectURL(new Blob([bytes], { type }));
}

function load(image: HTMLImageElement, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    image.onload = () => resolve();
    image.onerror = () => reject(new Error('a picture could not be decoded'));
    image.src = url;
  });
}
