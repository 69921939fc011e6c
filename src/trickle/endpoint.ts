// A channel on a server: its address, its connections, what is sent along with every request.
import * as http from 'node:http';
import * as https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { SluiceError } from '../core/errors.ts';
import type { Timers } from './timers.ts';

/** How a server is reached; the same for publishers and subscribers. */
export interface EndpointOptions {
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For `https:`. Certificates are checked unless `rejectUnauthorized` is false. */
  readonly tls?: Pick<https.RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'> | undefined;
}

/** A whole short answer. */
export interface ShortAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** At most the first 4 KiB. */
  readonly text: string;
}

const SHORT_ANSWER_BYTES = 4096;
/** Answers that should be short and are longer than this are not read on. */
const TOO_LONG_BYTES = 65_536;
/** A peer that is gone without a word is noticed by the system's own probes after about so long, ms. */
const PROBE_AFTER_MS = 10_000;

/** The address of a channel, without slashes at its end. Throws `bad-value` for what no request can be sent to. */
export function channelAddress(url: string | URL): URL {
  const parsed = typeof url === 'string' && !URL.canParse(url) ? null : new URL(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new SluiceError('bad-value', `url: “${String(url)}” received; expected the http or https address of a channel`);
  }
  try {
    // As each request does it: a name or password such as %ff is no text.
    urlToHttpOptions(parsed);
  } catch {
    throw new SluiceError('bad-value', `url: the name or password for ${parsed.host} received; expected UTF-8 where it has a %`);
  }
  parsed.pathname = parsed.pathname.replace(/\/+$/, '');
  if (parsed.pathname === '/') {
    throw new SluiceError('bad-value', `url: “${parsed.origin}/” received; expected the address of a channel, as ${parsed.origin}/NAME`);
  }
  return parsed;
}

/** One channel of a server. */
export class Endpoint {
  /** The address without query and password: what messages may show. */
  readonly address: string;
  readonly #url: URL;
  readonly #options: EndpointOptions;
  readonly #agent: http.Agent;
  /** Requests on connections of their own. */
  readonly #fresh = new Set<http.ClientRequest>();
  #closed = false;

  constructor(url: string | URL, options: EndpointOptions = {}) {
    const parsed = channelAddress(url);
    this.#url = parsed;
    this.#options = options;
    this.address = `${parsed.origin}${parsed.pathname}`;
    const Agent = parsed.protocol === 'https:' ? https.Agent : http.Agent;
    this.#agent = new Agent({ keepAlive: true });
  }

  /** A request on a kept connection. `suffix` is `/7`, `/next` or empty for the channel itself. */
  request(method: string, suffix: string, headers: http.OutgoingHttpHeaders = {}, fresh = false): http.ClientRequest {
    const url = new URL(this.#url);
    url.pathname += suffix;
    const { token, tls, headers: own } = this.#options;
    const request = (url.protocol === 'https:' ? https : http).request({
      ...urlToHttpOptions(url),
      ...tls,
      method,
      agent: fresh ? false : this.#agent,
      headers: { ...own, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    });
    request.on('socket', (socket) => void socket.setKeepAlive(true, PROBE_AFTER_MS));
    if (fresh) {
      this.#fresh.add(request);
      request.on('close', () => this.#fresh.delete(request));
    }
    return request;
  }

  /** A short request on a connection of its own. Rejects if it fails or takes longer than `timeoutMs`. */
  ask(method: string, suffix: string, timers: Timers, timeoutMs: number, headers: http.OutgoingHttpHeaders = {}): Promise<ShortAnswer> {
    if (this.#closed) return Promise.reject(new Error('closed'));
    return new Promise((resolve, reject) => {
      const length = method === 'POST' ? { 'content-length': 0 } : {};
      const request = this.request(method, suffix, { ...length, ...headers }, true);
      const stop = timers.after(timeoutMs, () => void request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      const fail = (error: Error) => {
        stop();
        reject(error);
      };
      request.on('error', fail);
      request.on('response', (response) => {
        readShort(response).then((text) => {
          stop();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        }, fail);
      });
      request.end();
    });
  }

  /** Cuts connections that are kept for later: where one has died without a word, they have too. */
  dropIdle(): void {
    for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
  }

  /** Cuts all connections. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
    for (const request of [...this.#fresh]) request.destroy();
  }
}

/** Reads an answer to its end and gives its first 4 KiB as text. One that does not end soon is cut off. */
export async function readShort(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    if (length < SHORT_ANSWER_BYTES) parts.push(part);
    length += part.length;
    if (length > TOO_LONG_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, SHORT_ANSWER_BYTES).toString('utf8');
}

/** “503: Too many channels”: an answer in a sentence. */
export function answerInWords(status: number, text: string): string {
  const first = text.split('\n', 1)[0]!.trim().slice(0, 200);
  return first ? `${status}: ${first}` : String(status);
}
