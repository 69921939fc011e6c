// One connected program that runs a processor: orders go to it, answers come back. Several frames may be with it at a time.
import type { Socket } from 'node:net';
import type { AudioFrame } from '../../core/audio.ts';
import { SluiceError } from '../../core/errors.ts';
import { frameBytes } from '../../core/frame.ts';
import { writeFrameHeader } from '../../formats/frame-header.ts';
import { packRows, rowBytes } from '../../formats/raw.ts';
import type { AudioOutcome, ChainFrame, FoundAt, MadePicture, PictureRoom, VideoOutcome } from '../session.ts';
import type { ByteReader } from './byte-reader.ts';
import { RgbPictures } from './rgb.ts';
import { hasSharedMemory, SharedFrames } from './shared-frames.ts';
import { type HelloText, ProgramText } from './texts.ts';
import { IN_MEMORY, type Message, readMessage, soundBytes, textBytes } from './wire.ts';

type Done = Extract<ProgramText, { type: 'done' }>;
type Picture = Extract<Message, { kind: 'picture' }>;

/** Something that the program has been asked to do. */
interface Job {
  readonly at: FoundAt;
  readonly room: PictureRoom | null;
  /** The memory and the place in it that are lent for the time of the job. */
  readonly memory: SharedFrames | null;
  readonly offset: number;
  readonly pictures: MadePicture[];
  readonly blocks: AudioFrame[];
  readonly settle: (error: SluiceError | null, result: Done['result']) => void;
}

export interface ProgramHost {
  /** What it says beside its answers. Of `done`, `at` is what its findings belong to. */
  onText(text: ProgramText, at: FoundAt | null): void;
  /** It is gone, or had to be. Called once, also after `close`. */
  onGone(error: SluiceError, how: 'crash' | 'timeout'): void;
}

/** How long a program may take to answer that a frame was given up, ms. */
const ABORT_MS = 50;

/** `away`: the next program is waited for, and nothing has to be tried again. */
function failure(message: string, cause?: unknown): SluiceError {
  return new SluiceError('processor-failed', message, { reason: 'away' }, cause);
}

export class Program {
  readonly hello: HelloText;
  readonly #socket: Socket;
  readonly #reader: ByteReader;
  readonly #host: ProgramHost;
  readonly #memoryName: string;
  readonly #deadline: number;
  readonly #jobs = new Map<number, Job>();
  readonly #memories = new Map<number, SharedFrames>();
  /** The memory that the program has, and the one that it has been told of. */
  #memory = 0;
  #told = 0;
  #memoryWorks: boolean;
  #next = 1;
  #gone: SluiceError | null = null;
  #bye = false;
  #rgb: RgbPictures | null = null;

  /** `reader` has given the hello; `memoryName`: of the file for shared pictures; `deadline`: s for a frame. */
  constructor(socket: Socket, reader: ByteReader, hello: HelloText, memoryName: string, deadline: number, host: ProgramHost) {
    this.#socket = socket;
    this.#reader = reader;
    this.hello = hello;
    this.#memoryName = memoryName;
    this.#deadline = deadline;
    this.#memoryWorks = hello.memory && hasSharedMemory();
    this.#host = host;
    void this.#read();
  }

  send(text: object): void {
    if (!this.#gone && this.#socket.writable) this.#socket.write(textBytes(text));
  }

  /** Ends the connection; `last` is still said. */
  close(last: object, why: SluiceError = failure('it was closed'), how: 'crash' | 'timeout' = 'crash'): void {
    if (this.#socket.writable) this.#socket.end(textBytes(last));
    // One that does not read any more is not waited for.
    setTimeout(() => this.#socket.destroy(), 200).unref();
    this.#end(why, how);
  }

  // ---- orders

  async video(frame: ChainFrame): Promise<VideoOutcome> {
    const { info, metadata, signal } = frame;
    const rgb = this.#rgb?.of(info.format, info.width, info.height, frame.input);
    const input = rgb ?? frame.input;
    const place = this.#lend(input);
    const fields = { ...info, ...(rgb && { format: 'rgb24' as const }), payloadBytes: input.length, flags: place ? IN_MEMORY : 0 };
    const header = writeFrameHeader({ ...fields, metadata: Object.keys(metadata).length ? metadata : null });
    const { number, settled } = this.#begin({ at: info, room: frame, memory: place?.memory ?? null, offset: place?.offset ?? -1 });
    this.#socket.cork();
    this.send({ type: 'video', job: number, received: info.received, ...(place && { memory: this.#memory }) });
    this.#socket.write(header);
    if (place) {
      const offset = Buffer.alloc(8);
      offset.writeBigUInt64LE(BigInt(place.offset));
      this.#socket.write(offset);
    } else this.#socket.write(rgb ? Buffer.from(rgb) : input);
    this.#socket.uncork();
    const { result, job } = await this.#answer(number, settled, signal);
    if (result !== 'made') return result;
    return job.pictures.length ? { pictures: job.pictures } : 'withhold';
  }

  async audio(block: AudioFrame, signal: AbortSignal): Promise<AudioOutcome> {
    const { number, settled } = this.#begin({ at: { id: 0, timestamp: block.timestamp }, room: null, memory: null, offset: -1 });
    this.#socket.cork();
    this.send({ type: 'audio', job: number });
    this.#socket.write(soundBytes(block));
    this.#socket.uncork();
    const { result, job } = await this.#answer(number, settled, signal);
    return result === 'made' ? { blocks: job.blocks } : result;
  }

  async generate(room: PictureRoom, at: FoundAt, signal: AbortSignal): Promise<readonly MadePicture[] | null> {
    const { number, settled } = this.#begin({ at, room, memory: null, offset: -1 });
    this.send({ type: 'generate', job: number });
    const { result, job } = await this.#answer(number, settled, signal);
    return result === 'made' && job.pictures.length ? job.pictures : null;
  }

  #begin(order: Pick<Job, 'at' | 'room' | 'memory' | 'offset'>) {
    if (this.#gone) throw this.#gone;
    const number = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<{ result: Exclude<Done['result'], 'failed'>; job: Job }>();
    const job: Job = {
      ...order,
      pictures: [],
      blocks: [],
      settle: (error, result) => {
        this.#jobs.delete(number);
        if (job.memory) this.#giveBack(job.memory, job.offset);
        if (error) reject(error);
        else resolve({ result: result as Exclude<Done['result'], 'failed'>, job });
      },
    };
    this.#jobs.set(number, job);
    return { number, settled: promise };
  }

  /** Tells the program if the frame is given up. One that does not answer that either hangs, and the next one is waited for. */
  async #answer<T>(number: number, settled: Promise<T>, signal: AbortSignal): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      this.send({ type: 'abort', job: number });
      const hangs = failure(`it took longer than ${this.#deadline} s for a frame`);
      timer = setTimeout(() => this.close({ ...hangs.toProblem(), type: 'error' }, hangs, 'timeout'), ABORT_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await settled;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** From some frame soon on; answers stay what they are. Where it fails, pictures go on coming as they are. */
  #wantRgb(): void {
    if (this.#rgb || this.#gone) return;
    const rgb = new RgbPictures();
    this.#rgb = rgb;
    rgb.load().then(
      () => this.#gone && rgb[Symbol.dispose](),
      () => {},
    );
  }

  // ---- shared memory

  /** Writes a picture where the program can see it; null: it has to go through the socket. */
  #lend(picture: Uint8Array): { memory: SharedFrames; offset: number } | null {
    if (!this.#memoryWorks) return null;
    const told = this.#memories.get(this.#told);
    if (!told || told.placeBytes < picture.length) this.#makeMemory(picture.length);
    const memory = this.#memories.get(this.#memory);
    const offset = memory?.write(picture) ?? -1;
    return memory && offset >= 0 ? { memory, offset } : null;
  }

  #makeMemory(bytes: number): void {
    try {
      const memory = new SharedFrames(this.#memoryName, bytes);
      this.#memories.set(++this.#told, memory);
      this.send({ type: 'memory', memory: this.#told, path: memory.path, bytes: memory.bytes });
    } catch {
      this.#memoryWorks = false;
    }
  }

  #mapped(number: number, ok: boolean): void {
    const memory = this.#memories.get(number);
    if (!memory || number !== this.#told) return;
    memory.unname();
    this.#memoryWorks = ok;
    this.#memory = ok ? number : 0;
    this.#dropMemories();
  }

  #giveBack(memory: SharedFrames, offset: number): void {
    memory.release(offset);
    this.#dropMemories();
  }

  /** Memory that is not used any more. */
  #dropMemories(): void {
    const used = new Set([...this.#jobs.values()].map((job) => job.memory));
    for (const [number, memory] of this.#memories) {
      if (!this.#gone && (number >= this.#memory || used.has(memory))) continue;
      this.#memories.delete(number);
      memory[Symbol.dispose]();
    }
  }

  // ---- answers

  async #read(): Promise<void> {
    try {
      for (;;) {
        const message = await readMessage(this.#reader);
        if (message.kind !== 'text') throw new SluiceError('bad-frame', `a ${message.kind} came that no done has announced`);
        const known = ProgramText.safeParse(message.value);
        if (known.success) await this.#text(known.data);
        else if (TYPES.has(message.value.type)) {
          const { path = [], message: what } = known.error.issues[0] ?? { message: 'not understood' };
          throw new SluiceError('bad-value', `${[message.value.type, ...path].join('.')}: ${what}`);
        }
      }
    } catch (error) {
      const broken = error instanceof SluiceError && error.code !== 'processor-failed';
      if (broken) this.close({ ...error.toProblem(), type: 'error' }, failure(`its program said what it may not: ${error.message}`, error));
      else this.#end(failure(this.#bye ? 'its program has ended' : 'its program ended or crashed', error));
    }
  }

  async #text(text: ProgramText): Promise<void> {
    if (text.type === 'done') return await this.#done(text);
    if (text.type === 'mapped') return this.#mapped(text.memory, text.ok);
    if (text.type === 'format') return this.#wantRgb();
    if (text.type === 'bye') this.#bye = true;
    this.#host.onText(text, null);
  }

  async #done(text: Done): Promise<void> {
    const job = this.#jobs.get(text.job);
    if (!job) throw new SluiceError('bad-value', `done.job: ${text.job} received; expected one that has been asked for and not answered`);
    let error = text.result === 'failed' ? new SluiceError('processor-failed', text.error ?? 'it failed') : null;
    for (let i = 0; i < text.count; i++) {
      const message = await readMessage(this.#reader);
      if (message.kind === 'text') throw new SluiceError('bad-frame', `done.count: ${text.count} announced, ${i} came`);
      if (message.kind === 'sound') job.blocks.push(message.block);
      else error = (await this.#picture(message, job, error)) ?? error;
    }
    this.#host.onText(text, job.at);
    job.settle(error, text.result);
  }

  /** Puts a picture where it will be shown. What is wrong with it is the job's matter; the bytes behind it are still in step. */
  async #picture({ header, offset }: Picture, job: Job, failed: SluiceError | null): Promise<SluiceError | null> {
    const { format, width, height, stride, payloadBytes, significantBits, timestamp, metadata } = header;
    let left = offset === null ? payloadBytes : 0;
    try {
      if (failed || !job.room) throw failed ?? failure('a picture came as the answer to sound');
      const bytes = frameBytes(format, width, height);
      const tight = stride === rowBytes(format, width) && payloadBytes === bytes;
      const room = await job.room.room(format, width, height);
      const target = tight ? room : new Uint8Array(payloadBytes);
      if (offset === null) {
        left = 0;
        await this.#reader.into(target);
      } else if (!job.memory?.read(target, offset, job.offset))
        throw failure(`a picture at ${offset} of the shared memory lies outside the place of its frame`);
      if (!tight) room.set(packRows(target, format, width, height, stride));
      const own = { ...(significantBits && { significantBits }), ...(timestamp && { timestamp: timestamp as MadePicture['timestamp'] }) };
      job.pictures.push({ format, width, height, ...own, ...(metadata && { metadata }) } as MadePicture);
      return null;
    } catch (error) {
      if (this.#gone || this.#socket.destroyed) throw error;
      await this.#reader.skip(left);
      return error instanceof SluiceError ? error : failure(String(error), error);
    }
  }

  #end(error: SluiceError, how: 'crash' | 'timeout' = 'crash'): void {
    if (this.#gone) return;
    this.#gone = error;
    this.#rgb?.[Symbol.dispose]();
    this.#reader.end(error);
    for (const job of [...this.#jobs.values()]) job.settle(error, 'failed');
    this.#dropMemories();
    this.#socket.destroySoon();
    this.#host.onGone(error, how);
  }
}

const TYPES = new Set<unknown>(ProgramText.options.map((option) => option.shape.type.value));
