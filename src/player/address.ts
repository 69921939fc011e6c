// Addresses of one stream, all made from the `src` attribute, so that any path prefix in front of the server holds.

/** Addresses of one stream on its server. */
export class StreamAddress {
  /** Name of the stream. */
  readonly name: string;
  readonly token: string | null;
  readonly #live: URL;
  readonly #root: URL;

  /**
   * @param src address of the stream, `http://host/prefix/live/cam`, absolute or relative to `base`
   * @param token sent as `?token=`; one in `src` counts where it is `null`
   */
  constructor(src: string, base: string, token: string | null = null) {
    const url = new URL(src, base);
    this.token = token || url.searchParams.get('token');
    url.search = '';
    url.hash = '';
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/`;
    this.#live = url;
    this.#root = new URL('../../', url);
    this.name = decodeURIComponent(url.pathname.split('/').at(-2) ?? '');
  }

  /** Host and port, for messages. */
  get host(): string {
    return this.#live.host;
  }

  /** The server with its path prefix. */
  get server(): string {
    return this.#root.href;
  }

  /** An address below the stream's own, such as `hls/index.m3u8`. */
  live(path: string, query: Query = {}): string {
    return this.#url(path, this.#live, query).href;
  }

  /** An address below `/api/`. */
  api(path: string, query: Query = {}): string {
    return this.#url(`api/${path}`, this.#root, query).href;
  }

  /** An address below the server's own. */
  root(path: string, query: Query = {}): string {
    return this.#url(path, this.#root, query).href;
  }

  /** As `live`, for a WebSocket. */
  liveSocket(path: string, query: Query = {}): string {
    return socket(this.#url(path, this.#live, query));
  }

  /** As `api`, for a WebSocket. */
  apiSocket(path: string, query: Query = {}): string {
    return socket(this.#url(`api/${path}`, this.#root, query));
  }

  #url(path: string, base: URL, query: Query): URL {
    const url = new URL(path, base);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value));
    if (this.token) url.searchParams.set('token', this.token);
    return url;
  }
}

/** Fields of a query; `null` and `undefined` are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

function socket(url: URL): string {
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
