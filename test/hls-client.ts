// Fetches what an HLS player fetches.
import { expect } from 'vitest';
import { type ParsedPlaylist, parsePlaylist } from './playlists.ts';

export type Get = (path: string, init?: RequestInit) => Promise<Response>;

/** A stream's playlists and media. */
export class HlsClient {
  readonly #get: Get;
  readonly #folder: string;
  #media = '';

  constructor(get: Get, stream: string) {
    this.#get = get;
    this.#folder = `live/${stream}/hls/`;
  }

  /** Reads the multivariant playlist; the address of its only variant is used from then on. */
  async open(): Promise<ParsedPlaylist> {
    const response = await this.#get(`${this.#folder}index.m3u8`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    const parsed = parsePlaylist(await response.text());
    this.#media = parsed.playlists![0]!.uri;
    return parsed;
  }

  /** The media playlist as text. */
  async text(query = ''): Promise<string> {
    if (!this.#media) await this.open();
    const address = `${this.#folder}${this.#media}${query && (this.#media.includes('?') ? '&' : '?')}${query}`;
    const response = await this.#get(address);
    expect(response.status, `${address} ${response.status}`).toBe(200);
    return await response.text();
  }

  async playlist(query = ''): Promise<ParsedPlaylist> {
    return parsePlaylist(await this.text(query), { irregular: true });
  }

  file(name: string, init?: RequestInit): Promise<Response> {
    return this.#get(`${this.#folder}video/${name}`, init);
  }

  async bytes(name: string): Promise<Uint8Array> {
    const response = await this.file(name);
    expect(response.status, name).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  }
}

/** Sequence number and part index that a player asks for next. */
export function nextPart(playlist: ParsedPlaylist): { msn: number; part: number } {
  return { msn: playlist.mediaSequence + playlist.segments.length, part: playlist.preloadSegment?.parts?.length ?? 0 };
}
