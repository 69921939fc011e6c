// Reads a multipart stream part by part as its bytes arrive (RFC 2046 section 5.1; multipart/x-mixed-replace of MJPEG).
import { SluiceError } from '../core/errors.ts';
import { concatBytes } from './bytes.ts';

/** One part. */
export interface MultipartPart {
  /** Field names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export interface MultipartLimits {
  /** Largest body of one part, in bytes. Default 64 MiB. */
  readonly maxBodyBytes?: number;
}

const MAX_HEADER_BYTES = 16_384;
const CR = 13;
const LF = 10;

/** The boundary in a Content-Type; `null` if it is not multipart or names none. */
export function multipartBoundary(contentType: string): string | null {
  if (!/^\s*multipart\//i.test(contentType)) return null;
  const match = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType);
  return match?.[1] ?? match?.[2] ?? null;
}

/**
 * Incremental reader. A part with Content-Length is ready with its last byte; one without it at the next boundary. Bodies are copies.
 * What stands before the first boundary is skipped, as is anything between a body and its boundary.
 */
export class MultipartReader {
  readonly #dash: Uint8Array;
  readonly #maxBody: number;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #state: 'boundary' | 'header' | 'body' | 'end' = 'boundary';
  #headers = new Map<string, string>();
  #bodyBytes: number | undefined;
  // Where the search for a boundary or an empty line goes on, so that a long part is not searched again with every chunk.
  #searched = 0;

  /** @param boundary as in the Content-Type, with or without the two dashes in front (some servers write them there) */
  constructor(boundary: string, limits: MultipartLimits = {}) {
    this.#dash = new TextEncoder().encode(boundary.startsWith('--') ? boundary : `--${boundary}`);
    this.#maxBody = limits.maxBodyBytes ?? 64 * 1024 * 1024;
  }

  /** True after the closing boundary; what follows is ignored. */
  get ended(): boolean {
    return this.#state === 'end';
  }

  /** Takes the next bytes, gives the parts that they complete. Throws `too-large` for a header above 16 KiB or a body above the limit. */
  push(chunk: Uint8Array): MultipartPart[] {
    if (this.ended || chunk.length === 0) return [];
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const parts: MultipartPart[] = [];
    // A body of known length is not touched before it is complete: no copy per chunk.
    if (this.#state === 'body' && this.#bodyBytes !== undefined && this.#length < this.#bodyBytes) return parts;
    for (let going = true; going; ) {
      if (this.#state === 'boundary') going = this.#skipToHeader();
      else if (this.#state === 'header') going = this.#readHeader();
      else if (this.#state === 'body') going = this.#readBody(parts);
      else going = false;
    }
    return parts;
  }

  #skipToHeader(): boolean {
    const bytes = this.#join();
    const at = this.#find(bytes, this.#dash);
    if (at < 0) {
      // Keep what may be the start of a boundary.
      this.#take(Math.max(0, bytes.length - this.#dash.length));
      this.#searched = 0;
      return false;
    }
    const after = at + this.#dash.length;
    if (bytes.length < after + 2) {
      this.#searched = at;
      return false;
    }
    if (bytes[after] === 45 && bytes[after + 1] === 45) {
      this.#state = 'end';
      this.#chunks = [];
      this.#length = 0;
      return false;
    }
    const line = bytes.indexOf(LF, after);
    if (line < 0) {
      if (bytes.length - after > MAX_HEADER_BYTES) throw tooLarge('boundary line', bytes.length - after, MAX_HEADER_BYTES);
      this.#searched = at;
      return false;
    }
    this.#take(line + 1);
    this.#state = 'header';
    return true;
  }

  #readHeader(): boolean {
    const bytes = this.#join();
    const end = headerEnd(bytes);
    if (end < 0) {
      if (bytes.length > MAX_HEADER_BYTES) throw tooLarge('part header', bytes.length, MAX_HEADER_BYTES);
      return false;
    }
    if (end > MAX_HEADER_BYTES) throw tooLarge('part header', end, MAX_HEADER_BYTES);
    this.#headers = parseHeader(bytes.subarray(0, end));
    const length = this.#headers.get('content-length');
    this.#bodyBytes = length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
    if (this.#bodyBytes !== undefined && this.#bodyBytes > this.#maxBody) throw tooLarge('part', this.#bodyBytes, this.#maxBody);
    this.#take(end);
    this.#state = 'body';
    return true;
  }

  #readBody(parts: MultipartPart[]): boolean {
    let end = this.#bodyBytes;
    let bytes: Uint8Array;
    if (end === undefined) {
      bytes = this.#join();
      const at = this.#find(bytes, this.#dash);
      if (at < 0) {
        if (bytes.length > this.#maxBody + this.#dash.length) throw tooLarge('part', bytes.length, this.#maxBody);
        this.#searched = Math.max(0, bytes.length - this.#dash.length);
        return false;
      }
      // The line break before a boundary belongs to the boundary (RFC 2046 section 5.1.1).
      end = at;
      if (end > 0 && bytes[end - 1] === LF) end -= end > 1 && bytes[end - 2] === CR ? 2 : 1;
    } else {
      if (this.#length < end) return false;
      bytes = this.#join();
    }
    if (end > this.#maxBody) throw tooLarge('part', end, this.#maxBody);
    parts.push({ headers: this.#headers, body: bytes.slice(0, end) });
    this.#take(end);
    this.#state = 'boundary';
    return true;
  }

  #join(): Uint8Array {
    if (this.#chunks.length !== 1) this.#chunks = [concatBytes(this.#chunks)];
    return this.#chunks[0]!;
  }

  /** Drops the first `count` bytes. */
  #take(count: number): void {
    const bytes = this.#join().subarray(count);
    this.#chunks = [bytes];
    this.#length = bytes.length;
    this.#searched = 0;
  }

  #find(bytes: Uint8Array, needle: Uint8Array): number {
    for (let at = bytes.indexOf(needle[0]!, this.#searched); at >= 0; at = bytes.indexOf(needle[0]!, at + 1)) {
      if (at + needle.length > bytes.length) return -1;
      let same = 1;
      while (same < needle.length && bytes[at + same] === needle[same]) same++;
      if (same === needle.length) return at;
    }
    return -1;
  }
}

/** Offset behind the empty line; -1 if it is not there yet. */
function headerEnd(bytes: Uint8Array): number {
  for (let from = 0; ; ) {
    const line = bytes.indexOf(LF, from);
    if (line < 0) return -1;
    if (line === from || (line === from + 1 && bytes[from] === CR)) return line + 1;
    from = line + 1;
  }
}

function parseHeader(bytes: Uint8Array): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of new TextDecoder('latin1').decode(bytes).split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function tooLarge(what: string, received: number, allowed: number): SluiceError {
  return new SluiceError('too-large', `multipart ${what}: ${received} bytes received; at most ${allowed} are allowed`, {
    received,
    allowed,
  });
}
