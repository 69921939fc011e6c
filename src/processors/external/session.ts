// A processor in a process of any language: waits for its program on a local socket, hands frames over, takes what comes back. A program
// that crashes, hangs or disconnects takes its frames with it; the session stays and waits for the next one.
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import type { AudioFrame } from '../../core/audio.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import type { Findings } from '../processor.ts';
import type {
  AudioOutcome,
  ChainFrame,
  FoundAt,
  MadePicture,
  PictureRoom,
  Session,
  SessionHost,
  SessionInfo,
  SessionSpec,
  VideoOutcome,
} from '../session.ts';
import { type ExternalOptions, isPortFile } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { foundBy } from './findings.ts';
import { Program } from './program.ts';
import { HelloText, type ProgramText } from './texts.ts';
import { PROTOCOL, readMessage, textBytes } from './wire.ts';

type Params = Readonly<Record<string, unknown>>;

const WAITS = 'waits for its program';
/** A connection says within this time what it wants, ms. */
const HELLO_MS = 5000;

export function openSession(spec: SessionSpec, host: SessionHost): Session {
  return new ExternalSession(spec, host);
}

class ExternalSession implements Session {
  readonly #spec: SessionSpec;
  readonly #host: SessionHost;
  readonly #options: ExternalOptions;
  readonly #loaded = Promise.withResolvers<SessionInfo>();
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();
  #program: Program | null = null;
  #ready = false;
  #wasReady = false;
  #closed = false;
  #schema: z.ZodType | null = null;
  #params: Params = {};
  #last: FoundAt | null = null;

  constructor(spec: SessionSpec, host: SessionHost) {
    this.#spec = spec;
    this.#host = host;
    this.#options = spec.options as unknown as ExternalOptions;
  }

  async load(signal: AbortSignal): Promise<SessionInfo> {
    signal.addEventListener('abort', () => this.#loaded.reject(signal.reason), { once: true });
    await this.#listen();
    this.#host.progress(WAITS, null);
    return await this.#loaded.promise;
  }

  async #listen(): Promise<void> {
    const { path } = this.#options;
    const server = createServer({ noDelay: true }, (socket) => void this.#greet(socket));
    this.#server = server;
    // The one before may have been ended from outside.
    rmSync(path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    if (isPortFile(path)) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
    await promise;
    const address = server.address();
    if (address && typeof address === 'object') writeFileSync(path, String(address.port), { mode: 0o600 });
    else chmodSync(path, 0o600);
  }

  // ---- programs come and go

  async #greet(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    const reader = new ByteReader((rest) => (rest ? socket.pause() : socket.resume()));
    const gone = (error?: Error) => reader.end(new SluiceError('processor-failed', 'the connection was lost', {}, error));
    const timer = setTimeout(() => gone(), HELLO_MS);
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', gone);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      gone();
    });
    try {
      const hello = await this.#hello(reader);
      this.#admit(socket, reader, hello);
    } catch (error) {
      const refused = toSluiceError(error, 'processor-failed');
      if (!this.#program && refused.message && !socket.destroyed)
        this.#host.progress(`${WAITS}; one was refused: ${refused.message}`, null);
      socket.end(textBytes({ ...refused.toProblem(), type: 'error' }));
    } finally {
      clearTimeout(timer);
    }
  }

  async #hello(reader: ByteReader): Promise<HelloText> {
    const message = await readMessage(reader);
    const value = message.kind === 'text' ? message.value : {};
    const { protocol, token } = value;
    if (value.type === 'hello' && protocol !== PROTOCOL) {
      throw new SluiceError('bad-value', `protocol: ${JSON.stringify(protocol)} received; this server speaks ${PROTOCOL}`);
    }
    if (value.type === 'hello' && token !== this.#options.token)
      throw new SluiceError('unauthorized', 'the token is not that of this processor');
    const hello = this.#host.parse(HelloText, value) as unknown as HelloText;
    if (!hello.video && !hello.audio && !hello.generates)
      throw new SluiceError('bad-value', 'hello: it takes neither video nor audio and makes none');
    return hello;
  }

  #admit(socket: Socket, reader: ByteReader, hello: HelloText): void {
    if (this.#closed) return void socket.end(textBytes({ type: 'bye' }));
    const schema = hello.params && this.#schemaOf(hello.params);
    const params = this.#paramsFor(schema);
    this.#program?.close(
      { type: 'replaced' },
      new SluiceError('processor-failed', 'another program has taken its place', { reason: 'away' }),
    );
    this.#schema = schema;
    this.#params = params;
    const program = new Program(socket, reader, hello, this.#options.key, this.#options.deadline, {
      onText: (text, at) => this.#onText(program, text, at),
      onGone: (error, how) => this.#onGone(program, error, how),
    });
    this.#program = program;
    const { deadline, memory } = this.#options;
    this.#host.progress('its program is there', null);
    program.send({
      type: 'welcome',
      protocol: PROTOCOL,
      stream: this.#spec.stream,
      id: this.#spec.id,
      params: this.#params,
      deadline,
      memory,
    });
  }

  /** Those that held before another program came, if it takes them; otherwise those of the configuration. */
  #paramsFor(schema: z.ZodType | null): Params {
    const configured = () => this.#check(schema, this.#spec.params ?? {});
    if (!this.#wasReady) return configured();
    try {
      return this.#check(schema, this.#params);
    } catch {
      return configured();
    }
  }

  #schemaOf(schema: Params): z.ZodType {
    try {
      return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    } catch (error) {
      throw new SluiceError(
        'bad-value',
        `hello.params is no JSON Schema that can be used: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #onText(program: Program, text: ProgramText, at: FoundAt | null): void {
    if (program !== this.#program) return;
    switch (text.type) {
      case 'ready':
        if (!this.#ready) this.#becomeReady(program);
        break;
      case 'progress':
        if (!this.#ready) this.#host.progress(text.message, text.share === null ? null : Math.min(1, Math.max(0, text.share)));
        break;
      case 'done':
        this.#found(text, at);
        break;
      case 'found':
        this.#found(text, text.timestamp === undefined ? this.#last : { id: text.frame, timestamp: text.timestamp });
        break;
      case 'log':
        this.#host.log(text.message, text.values);
        break;
      default:
    }
  }

  #becomeReady(program: Program): void {
    const { name, video, audio, generates, ids, params } = program.hello;
    this.#ready = true;
    const info: SessionInfo = {
      name: name ?? this.#spec.id,
      video,
      audio,
      generates,
      ids: ids ?? (generates ? 'own' : 'frame'),
      // FFmpeg may be at work for it.
      native: true,
      // What it cannot take at once waits in its socket.
      concurrent: true,
      schema: params,
      params: this.#params,
    };
    if (this.#wasReady) this.#host.back(info);
    else this.#loaded.resolve(info);
    this.#wasReady = true;
  }

  #onGone(program: Program, error: SluiceError, how: 'crash' | 'timeout'): void {
    if (program !== this.#program) return;
    this.#program = null;
    if (this.#closed) return;
    const loading = !this.#ready;
    this.#ready = false;
    if (!loading) this.#host.away(error, how);
    this.#host.progress(loading ? `${WAITS}; ${error.message} while it was loading` : WAITS, null);
  }

  #found(text: Parameters<typeof foundBy>[0], at: FoundAt | null): void {
    const where = at ?? this.#last ?? { id: 0, timestamp: this.#host.now() };
    const findings: Findings | null = foundBy(text, where);
    if (findings) this.#host.found(findings, where);
  }

  // ---- what the chain asks for

  start(): void {
    this.#program?.send({ type: 'start' });
  }

  stop(): void {
    this.#program?.send({ type: 'stop' });
  }

  #here(): Program {
    if (this.#program) return this.#program;
    throw new SluiceError('processor-failed', 'its program is gone', { reason: 'away' });
  }

  async video(frame: ChainFrame): Promise<VideoOutcome> {
    this.#last = { id: frame.info.id, timestamp: frame.info.timestamp };
    return await this.#here().video(frame);
  }

  async audio(block: AudioFrame, signal: AbortSignal): Promise<AudioOutcome> {
    return await this.#here().audio(block, signal);
  }

  async generate(room: PictureRoom, signal: AbortSignal): Promise<readonly MadePicture[] | null> {
    return await this.#here().generate(room, this.#last ?? { id: 0, timestamp: this.#host.now() }, signal);
  }

  validate(values: Params): Params {
    return this.#check(this.#schema, { ...this.#params, ...values });
  }

  #check(schema: z.ZodType | null, values: unknown): Params {
    if (schema) return this.#host.parse(schema, values);
    const keys = Object.keys(values as object);
    if (keys.length) throw new SluiceError('unknown-key', `${this.#spec.id} has no params; received ${keys.join(', ')}`);
    return {};
  }

  /** Texts and frames keep their order: the frame that comes next is the first that sees the new params. */
  apply(params: Params): void {
    this.#params = params;
    this.#program?.send({ type: 'params', params });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#program?.close({ type: 'bye' });
    const server = this.#server;
    if (!server) return;
    rmSync(this.#options.path, { force: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    for (const socket of this.#sockets) if (!socket.writableEnded) socket.destroy();
    await promise;
  }
}
