// The near end of a processor, in its own thread (or on the main thread for objects of the library): takes orders from a port, calls the
// session, answers. One order at a time unless the session takes several; params change between two frames.
import type { MessagePort } from 'node:worker_threads';
import { parseInput } from '../../api/zod-problem.ts';
import type { AudioFrame } from '../../core/audio.ts';
import type { Clock } from '../../core/clock.ts';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import { frameBytes, type PixelFormat } from '../../core/frame.ts';
import { FrameRing } from '../../core/ring.ts';
import type { ChainFrame, OpenSession, Session, SessionHost, SessionInfo, SessionSpec, VideoOutcome } from '../../processors/session.ts';
import { plainError } from '../plain-error.ts';
import type { PlacedPicture, SlotPlace, ThreadCommand, ThreadEvent } from './messages.ts';

type Order<T extends ThreadCommand['type']> = Extract<ThreadCommand, { type: T }>;

/** An order that is being worked on. */
class Job {
  readonly id: number;
  readonly abort = new AbortController();
  readonly rooms: SlotPlace[] = [];
  /** Waits for the answer to `room`. */
  waiting: { resolve(place: SlotPlace): void; reject(error: unknown): void } | null = null;

  constructor(id: number) {
    this.id = id;
  }
}

export function runSession(spec: SessionSpec, open: OpenSession, port: MessagePort, clock: Clock): void {
  new SessionRunner(spec, open, port, clock);
}

class SessionRunner {
  readonly #spec: SessionSpec;
  readonly #open: OpenSession;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #rings = new Map<number, FrameRing>();
  readonly #jobs = new Map<number, Job>();
  #session: Session | null = null;
  #info: SessionInfo | null = null;
  /** Orders that change the session wait for those before them. */
  #tail: Promise<void> = Promise.resolve();
  #busy = 0;
  /** Orders of a session that takes several at once. */
  readonly #running = new Set<Promise<void>>();

  constructor(spec: SessionSpec, open: OpenSession, port: MessagePort, clock: Clock) {
    this.#spec = spec;
    this.#open = open;
    this.#port = port;
    this.#clock = clock;
    port.on('message', (command: ThreadCommand) => this.#on(command));
  }

  #on(command: ThreadCommand): void {
    switch (command.type) {
      case 'rings':
        for (const [number, memory] of command.add) this.#rings.set(number, new FrameRing(memory));
        for (const number of command.drop) this.#rings.delete(number);
        break;
      case 'load':
        this.#queue(() => this.#load());
        break;
      case 'video':
        this.#work(command.job, (job) => this.#video(command, job));
        break;
      case 'generate':
        this.#work(command.job, (job) => this.#generate(job));
        break;
      case 'audio':
        this.#work(command.job, (job) => this.#audio(command.block, job));
        break;
      case 'room': {
        const job = this.#jobs.get(command.job);
        const waiting = job?.waiting;
        if (!job || !waiting) break;
        job.waiting = null;
        if (command.place) waiting.resolve(command.place);
        else waiting.reject(toSluiceError(command.error));
        break;
      }
      case 'abort':
        this.#jobs.get(command.job)?.abort.abort(new DOMException('the frame was given up', 'TimeoutError'));
        break;
      case 'start':
        this.#queue(async () => await this.#session?.start?.());
        break;
      case 'stop':
        this.#queue(async () => await this.#session?.stop?.());
        break;
      case 'validate':
        this.#work(command.job, async () => {
          const params = await this.#session!.validate(command.values);
          this.#send({ type: 'validated', job: command.job, params });
        });
        break;
      case 'apply':
        // Those that came before see the params of then, also where several are at work at once.
        this.#queue(async () => {
          await Promise.all(this.#running);
          await this.#session?.apply(command.params);
        });
        break;
      case 'close':
        for (const job of this.#jobs.values()) job.abort.abort(new DOMException('the processor ends', 'AbortError'));
        void this.#close();
        break;
    }
  }

  /** Runs when everything before it has been done. */
  #queue(work: () => Promise<unknown>): void {
    this.#busy++;
    this.#tail = this.#tail
      .then(work)
      .catch((error) => this.#send({ type: 'log', message: toSluiceError(error, 'processor-failed').message, values: {} }))
      .then(() => {
        this.#busy--;
      });
  }

  /** An order with an answer. It runs at once if nothing is before it: no turn of the loop is lost on the way. */
  #work(id: number, work: (job: Job) => Promise<void>): void {
    const job = new Job(id);
    this.#jobs.set(id, job);
    const started = performance.now();
    const run = async () => {
      try {
        await work(job);
      } catch (error) {
        const failure = plainError(toSluiceError(error, 'processor-failed'));
        this.#send({ type: 'failed', job: id, error: failure, ms: performance.now() - started });
      } finally {
        this.#jobs.delete(id);
      }
    };
    if (this.#info?.concurrent && this.#busy === 0) {
      const running = run().finally(() => this.#running.delete(running));
      this.#running.add(running);
    } else this.#queue(run);
  }

  async #load(): Promise<void> {
    const abort = new AbortController();
    try {
      this.#session = await this.#open(this.#spec, this.#host());
      this.#info = await this.#session.load(abort.signal);
      this.#send({ type: 'loaded', info: this.#info });
    } catch (error) {
      this.#send({ type: 'load-failed', error: plainError(toSluiceError(error, 'processor-failed')) });
    }
  }

  #host(): SessionHost {
    return {
      now: () => this.#clock.now(),
      parse: (schema, input) => parseInput(schema, input) as Record<string, unknown>,
      progress: (message, share) => this.#send({ type: 'progress', message, share }),
      found: (findings, at) => this.#send({ type: 'found', findings, at }),
      timing: (parts) => this.#send({ type: 'timing', parts: { ...parts } }),
      log: (message, values = {}) => this.#send({ type: 'log', message, values: plainValues(values) }),
      broken: (error) => this.#send({ type: 'broken', error: plainError(toSluiceError(error, 'processor-failed')) }),
      away: (error, how) => this.#send({ type: 'away', error: plainError(toSluiceError(error, 'processor-failed')), how }),
      back: (info) => {
        this.#info = info;
        this.#send({ type: 'loaded', info });
      },
    };
  }

  async #video(order: Order<'video'>, job: Job): Promise<void> {
    const started = performance.now();
    const { info, output, finish } = order;
    const bytes = frameBytes(info.format, info.width, info.height);
    const input = this.#memory(order.input).subarray(0, bytes);
    const room = output ? this.#room(job, output) : scratch;
    const frame: ChainFrame = {
      info,
      metadata: order.metadata,
      input,
      signal: job.abort.signal,
      room,
      edit: () => {
        if (!output) return input.slice();
        job.rooms.push(output);
        const copy = this.#memory(output).subarray(0, bytes);
        copy.set(input);
        return copy;
      },
    };
    const outcome: VideoOutcome = (await this.#session?.video?.(frame)) ?? 'pass';
    const ms = performance.now() - started;
    if (typeof outcome === 'object') {
      const pictures = output ? placed(outcome.pictures, job) : [];
      return this.#send({ type: 'video-done', job: job.id, outcome: 'pictures', pictures, copied: false, ms });
    }
    const copied = outcome === 'pass' && finish && output !== null;
    if (copied) this.#memory(output).set(input);
    this.#send({ type: 'video-done', job: job.id, outcome, pictures: [], copied, ms });
  }

  async #generate(job: Job): Promise<void> {
    const started = performance.now();
    const made = await this.#session?.generate?.({ room: this.#room(job, null) }, job.abort.signal);
    this.#send({ type: 'generated', job: job.id, pictures: placed(made ?? [], job), ms: performance.now() - started });
  }

  async #audio(block: AudioFrame, job: Job): Promise<void> {
    const started = performance.now();
    const outcome = (await this.#session?.audio?.(block, job.abort.signal)) ?? 'pass';
    const ms = performance.now() - started;
    // Samples go back as they came: the main thread has given its own away.
    const blocks = typeof outcome === 'object' ? outcome.blocks : outcome === 'pass' ? [block] : [];
    this.#send({ type: 'audio-done', job: job.id, outcome: typeof outcome === 'object' ? 'blocks' : outcome, blocks, ms });
  }

  /** Room for one picture after the other: first in the slot at hand, then wherever the main thread says. */
  #room(job: Job, first: SlotPlace | null) {
    return (format: PixelFormat, width: number, height: number): Uint8Array | Promise<Uint8Array> => {
      const bytes = frameBytes(format, width, height);
      const at = first && !job.rooms.length ? this.#memory(first) : null;
      if (at && at.length >= bytes) {
        job.rooms.push(first!);
        return at.subarray(0, bytes);
      }
      if (job.waiting) throw new SluiceError('processor-failed', 'room for two pictures was asked for at once');
      return new Promise<SlotPlace>((resolve, reject) => {
        job.waiting = { resolve, reject };
        this.#send({ type: 'room', job: job.id, format, width, height });
      }).then((place) => {
        job.rooms.push(place);
        return this.#memory(place).subarray(0, bytes);
      });
    };
  }

  #memory({ ring, slot }: SlotPlace): Uint8Array {
    return this.#rings.get(ring)!.pixels(slot);
  }

  async #close(): Promise<void> {
    try {
      await this.#session?.close();
    } catch (error) {
      this.#send({ type: 'log', message: `closing failed: ${toSluiceError(error).message}`, values: {} });
    }
    // What still runs may write into its slot.
    await Promise.all([this.#tail, ...this.#running]);
    this.#send({ type: 'closed' });
    this.#port.close();
  }

  #send(event: ThreadEvent): void {
    this.#port.postMessage(event);
  }
}

/** Room for pictures that nobody will see. */
const scratch = (format: PixelFormat, width: number, height: number) => new Uint8Array(frameBytes(format, width, height));

/** Pictures in the order of their rooms. */
function placed(pictures: readonly PlacedPicture[] | readonly Omit<PlacedPicture, 'place'>[], job: Job): PlacedPicture[] {
  if (pictures.length > job.rooms.length) {
    throw new SluiceError('processor-failed', `${pictures.length} pictures, but room for ${job.rooms.length}`);
  }
  return pictures.map((picture, i) => ({ ...picture, place: job.rooms[i]! }));
}

/** Values for the log: what cannot cross threads goes as text. */
function plainValues(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'object' || typeof value === 'function' ? String(value) : value]),
  );
}
