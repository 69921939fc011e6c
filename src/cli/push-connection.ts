// The sending end of `WS /api/streams/{stream}/frames`: bounded in flight, counts every frame's fate, comes back when the server does.
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { ERRORS, type ErrorCode, SluiceError } from '../core/errors.ts';

/** Frames sent and not yet answered. */
export const MAX_IN_FLIGHT = 8;

const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 5000;
const HANDSHAKE_MS = 10_000;
/** The server pings every 15 s; silence for longer than three of them is a dead connection that TCP has not noticed. */
const SILENCE_MS = 50_000;

export interface PushOptions {
  /** Address of the server with its path prefix; a token in its query counts. */
  readonly server: string;
  readonly stream: string;
  readonly token?: string | undefined;
  /** Told once per cause, in words. */
  readonly onNote: (text: string) => void;
}

/** Fates of frames: `offered = acked + dropped + lost + inFlight`. */
export interface PushCounts {
  readonly offered: number;
  readonly acked: number;
  /** By the server's reason. */
  readonly dropped: ReadonlyMap<string, number>;
  /** Not sent or not answered because the connection was away. */
  readonly lost: number;
  readonly inFlight: number;
}

/** Opens the connection; `bad-value` for an address that is none, the server's own refusal, or `unavailable` if nobody answers. */
export async function openPush(options: PushOptions): Promise<PushConnection> {
  const connection = new PushConnection(options);
  await connection.open();
  return connection;
}

export class PushConnection {
  readonly #options: PushOptions;
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #noted = new Set<string>();
  readonly #dropped = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #failed = new AbortController();
  #ws: WebSocket | null = null;
  #offered = 0;
  #acked = 0;
  #lost = 0;
  #inFlight = 0;
  #ending = false;
  #failure: SluiceError | null = null;
  #retry: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(options: PushOptions) {
    this.#options = options;
    const { server, stream } = options;
    const base = URL.canParse(server) ? new URL(server) : null;
    if (!base || !/^(https?|wss?):$/.test(base.protocol)) {
      throw new SluiceError(
        'bad-value',
        `--server: ${JSON.stringify(server)} received; expected an address such as http://127.0.0.1:8000`,
        { field: 'server', received: server },
      );
    }
    this.#token = options.token ?? base.searchParams.get('token') ?? undefined;
    this.#url = new URL(`${base.pathname.replace(/\/*$/, '/')}api/streams/${encodeURIComponent(stream)}/frames`, base);
    this.#url.protocol = /^(https|wss):$/.test(base.protocol) ? 'wss:' : 'ws:';
  }

  get counts(): PushCounts {
    return { offered: this.#offered, acked: this.#acked, dropped: this.#dropped, lost: this.#lost, inFlight: this.#inFlight };
  }

  /** Why no frame can be sent any more: the server refused for good, or another program took the stream over. */
  get failure(): SluiceError | null {
    return this.#failure;
  }

  /** Aborted as soon as there is a `failure`. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  get connected(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN;
  }

  /** The first connection. Later ones are made by themselves. */
  async open(): Promise<void> {
    const outcome = await this.#connect();
    if (outcome) throw outcome.error;
  }

  /** Resolves once a frame can be sent: fewer than `MAX_IN_FLIGHT` are unanswered, or the connection is away. */
  async ready(): Promise<void> {
    while (this.connected && this.#inFlight >= MAX_IN_FLIGHT && !this.#failure) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** True if `send` would send at once. */
  get free(): boolean {
    return this.connected && this.#inFlight < MAX_IN_FLIGHT;
  }

  /** Sends a whole message (header and payload). `released` is called when its memory may be used again. */
  send(message: Uint8Array, released: () => void): void {
    this.#offered++;
    const ws = this.#ws;
    if (!ws || ws.readyState !== WebSocket.OPEN) {
      this.#lost++;
      return released();
    }
    this.#inFlight++;
    ws.send(message, { binary: true }, () => released());
  }

  /** Counts a frame that the sender could not even offer. */
  skip(reason: string): void {
    this.#offered++;
    this.#drop(reason);
  }

  /** Waits for the outstanding answers, at most `deadlineMs`, then closes. */
  async end(deadlineMs = 5000): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    while (this.connected && this.#inFlight > 0 && !this.#failure && Date.now() < deadline) {
      const timer = setTimeout(() => this.#wake(), deadline - Date.now());
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      clearTimeout(timer);
    }
    this.#ending = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    const ws = this.#ws;
    if (!ws || ws.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
    ws.close(1000);
    const cut = setTimeout(() => ws.terminate(), 1000);
    await closed;
    clearTimeout(cut);
  }

  #connect(): Promise<{ error: SluiceError; final: boolean } | null> {
    return new Promise((resolve) => {
      const ws = new WebSocket(this.#url, {
        perMessageDeflate: false,
        handshakeTimeout: HANDSHAKE_MS,
        followRedirects: false,
        headers: this.#token ? { Authorization: `Bearer ${this.#token}` } : {},
        // A mask protects caches from what scripts in browsers choose to send (RFC 6455 section 10.3); this program chooses nothing for
        // anybody, and a zero mask saves a pass over every pixel.
        generateMask: (mask) => mask.fill(0),
      });
      ws.once('open', () => {
        this.#ws = ws;
        ws.removeAllListeners('error');
        ws.on('error', () => {});
        ws.on('message', (data, binary) => !binary && this.#onMessage(String(data)));
        ws.on('ping', () => this.#heard());
        ws.on('close', (code, reason) => this.#onClose(ws, code, String(reason)));
        this.#heard();
        resolve(null);
      });
      ws.once('unexpected-response', (request, response) => {
        void refusalOf(this.#options.server, response).then((outcome) => {
          resolve(outcome);
          request.destroy();
        });
      });
      ws.on('error', (error: NodeJS.ErrnoException) => {
        const message = `${this.#shown}: ${reasonOf(error)}`;
        resolve({ error: new SluiceError('unavailable', message, {}, error), final: false });
      });
    });
  }

  get #shown(): string {
    const { protocol, host, pathname } = new URL(this.#options.server);
    return `${protocol}//${host}${pathname}`;
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#ws?.terminate(), SILENCE_MS);
    this.#silence.unref();
  }

  #onMessage(text: string): void {
    this.#heard();
    let message: { type?: unknown; reason?: unknown; detail?: unknown; code?: unknown; status?: unknown; problem?: unknown };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      return;
    }
    switch (message?.type) {
      case 'ack':
        this.#acked++;
        this.#answered();
        break;
      case 'drop': {
        const reason = String(message.reason);
        this.#drop(reason);
        this.#note(
          `dropped:${reason}`,
          `the server drops frames (${reason})${typeof message.detail === 'string' ? `: ${message.detail}` : ''}`,
        );
        this.#answered();
        break;
      }
      case 'replaced':
        this.#fail(new SluiceError('publisher-busy', `another program has taken over the stream ${this.#options.stream}`));
        break;
      case 'error':
        this.#onProblem((message.problem ?? message) as { code?: unknown; detail?: unknown; status?: unknown });
        break;
      default:
    }
  }

  #onProblem(problem: { code?: unknown; detail?: unknown; status?: unknown }): void {
    const error = problemError(problem, 'the server refused');
    if (error.status < 500) this.#fail(error);
    else this.#note(`error:${error.code}`, error.message);
  }

  #onClose(ws: WebSocket, code: number, reason: string): void {
    if (this.#ws !== ws) return;
    this.#ws = null;
    clearTimeout(this.#silence);
    this.#lost += this.#inFlight;
    this.#inFlight = 0;
    this.#wake();
    if (this.#ending || this.#failure) return;
    // Refusals of the protocol itself would come again with the next frame.
    if ([1002, 1003, 1007, 1008, 1009].includes(code)) {
      const why = code === 1009 ? 'a frame is larger than it allows (maxFrameBytes)' : reason || `code ${code}`;
      return this.#fail(new SluiceError('bad-frame', `the server closed the connection: ${why}`));
    }
    this.#options.onNote(`the connection to ${this.#shown} was lost${reason ? ` (${reason})` : ''}; trying again`);
    this.#reconnect(FIRST_WAIT_MS);
  }

  #reconnect(wait: number): void {
    // Jitter: all senders of a restarted server shall not come at once.
    this.#retry = setTimeout(
      async () => {
        const outcome = await this.#connect();
        if (this.#ending) return this.#ws?.terminate();
        if (!outcome) return this.#options.onNote('connected again');
        if (outcome.final) return this.#fail(outcome.error);
        this.#reconnect(Math.min(LAST_WAIT_MS, wait * 2));
      },
      wait * (0.75 + Math.random() / 2),
    );
  }

  #fail(error: SluiceError): void {
    this.#failure ??= error;
    this.#failed.abort();
    clearTimeout(this.#retry);
    this.#wake();
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  #answered(): void {
    if (this.#inFlight > 0) this.#inFlight--;
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #note(key: string, text: string): void {
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    this.#options.onNote(text);
  }
}

function problemError(problem: { code?: unknown; detail?: unknown }, fallback: string): SluiceError {
  const code = typeof problem.code === 'string' && Object.hasOwn(ERRORS, problem.code) ? (problem.code as ErrorCode) : 'bad-request';
  return new SluiceError(code, typeof problem.detail === 'string' ? problem.detail : fallback);
}

/** What the HTTP answer to the handshake says. */
async function refusalOf(server: string, response: IncomingMessage): Promise<{ error: SluiceError; final: boolean }> {
  const status = response.statusCode ?? 0;
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) if (text.length < 65_536) text += chunk;
  } catch {
    // What came will do.
  }
  if (/problem\+json/.test(response.headers['content-type'] ?? '')) {
    try {
      const error = problemError(JSON.parse(text) as object, `status ${status}`);
      return { error, final: status < 500 && error.code !== 'publisher-busy' };
    } catch {
      // Not ours after all.
    }
  }
  const hint = status >= 300 && status < 400 ? ` (it points to ${response.headers.location ?? 'elsewhere'})` : '';
  const message = `--server: ${server} answered with status ${status}${hint}; there is no Sluice server, or its path prefix is missing in the address`;
  // A gateway in front of a server that restarts answers 502 to 504.
  return { error: new SluiceError('not-found', message), final: status < 500 };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'nobody listens there. Is the server running ("sluice serve"), and is the port right (--server)?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known (--server)';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'the host cannot be reached';
    case 'ETIMEDOUT':
      return 'no answer';
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'no TLS there; try http:// instead of https://';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'its certificate is self-signed; name it in the environment: NODE_EXTRA_CA_CERTS=cert.pem';
    default:
      if (error.code?.startsWith('HPE_') || /Parse Error/.test(error.message)) return 'what answers there is no HTTP server';
      if (/handshake has timed out/i.test(error.message)) return 'no answer within 10 s';
      return error.message;
  }
}
