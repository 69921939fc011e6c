// An LL-HLS player without a picture: blocking playlist reload on one connection, parts on another, as hls.js does it.
import { gunzipSync } from 'node:zlib';
import { type HttpAnswer, HttpConnection } from './http.ts';

export interface HlsCounts {
  playlists: number;
  parts: number;
  bytes: number;
}

const HINT = /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(p(\d+)\.(\d+)\.m4s[^"]*)"/;
const PART = /#EXT-X-PART:[^\n]*URI="(p(\d+)\.(\d+)\.m4s[^"]*)"/g;

function textOf(answer: HttpAnswer, path: string): string {
  const body = answer.gzip ? gunzipSync(answer.body) : answer.body;
  const text = body.toString('utf8');
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text.slice(0, 300)}`);
  return text;
}

export class HlsClient implements Disposable {
  readonly #base: string;
  readonly #lists: HttpConnection;
  readonly #media: HttpConnection;
  readonly counts: HlsCounts = { playlists: 0, parts: 0, bytes: 0 };
  #mediaPath = '';
  #closed = false;

  /** @param address of the multivariant playlist */
  constructor(address: URL) {
    this.#base = address.pathname;
    this.#lists = new HttpConnection(address);
    this.#media = new HttpConnection(address);
  }

  /** Path of the media playlist with this viewer's id. */
  get mediaPath(): string {
    return this.#mediaPath;
  }

  /** Loads the multivariant and the media playlist and the newest part; resolves when the first bytes of media are here. */
  async begin(): Promise<string> {
    const master = textOf(await this.#lists.get(this.#base), this.#base);
    const uri = master.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    if (!uri) throw new Error(`no variant in ${this.#base}`);
    this.#mediaPath = this.#resolve(this.#base, uri);
    const list = await this.#list(this.#mediaPath);
    const newest = [...list.matchAll(PART)].at(-1);
    if (!newest) throw new Error(`no part in ${this.#mediaPath}`);
    await this.#part(newest[1]!);
    return list;
  }

  /** Plays until closed. */
  async play(): Promise<void> {
    let list = await this.begin();
    let loading: Promise<void> = Promise.resolve();
    while (!this.#closed) {
      const hint = HINT.exec(list);
      if (!hint) throw new Error(`no preload hint in ${this.#mediaPath}`);
      const [sequence, index] = [Number(hint[2]), Number(hint[3])];
      list = await this.#list(`${this.#mediaPath}&_HLS_msn=${sequence}&_HLS_part=${index}&_HLS_skip=YES`);
      // Everything from the part on that was waited for: usually that one alone.
      const fresh = [...list.matchAll(PART)].filter(
        (part) => Number(part[2]) > sequence || (Number(part[2]) === sequence && Number(part[3]) >= index),
      );
      loading = loading.then(async () => {
        for (const part of fresh) await this.#part(part[1]!);
      });
      // Playing goes on when the part is here; a failure must not stay unheard until then.
      loading.catch(() => this[Symbol.dispose]());
    }
  }

  async #list(path: string): Promise<string> {
    const answer = await this.#lists.get(path);
    this.counts.playlists++;
    this.counts.bytes += answer.body.length;
    return textOf(answer, path);
  }

  async #part(uri: string): Promise<void> {
    const path = this.#resolve(this.#mediaPath, uri);
    const answer = await this.#media.get(path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    this.counts.parts++;
    this.counts.bytes += answer.body.length;
  }

  #resolve(base: string, uri: string): string {
    return new URL(uri, `http://host${base}`).href.slice('http://host'.length);
  }

  get closed(): boolean {
    return this.#closed;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#lists[Symbol.dispose]();
    this.#media[Symbol.dispose]();
  }
}
