// What a processor server and the program that started it say to each other: lines of JSON on standard input and output
// (docs/external-processors.md, "Stream processors of other programs").
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { parseInput } from '../api/zod-problem.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { ProgramCalls } from './external.ts';
import type { StreamProcessorServer } from './processor-server.ts';

const Stream = z.string().optional();
/** What the program says once the server runs. */
const Said = z.discriminatedUnion('type', [
  z.object({ type: z.literal('done'), call: z.number() }),
  z.object({ type: z.literal('failed'), call: z.number(), error: z.string().default('it failed') }),
  z.object({ type: z.literal('progress'), message: z.string(), share: z.number().min(0).max(1).nullable().default(null) }),
  z.object({ type: z.literal('data'), stream: Stream, text: z.string() }),
  z.object({ type: z.literal('event'), stream: Stream, event: z.record(z.string(), z.unknown()), eventType: z.string().optional() }),
  z.object({ type: z.literal('loading'), stream: Stream, active: z.boolean() }),
  z.object({ type: z.literal('fps'), stream: Stream, fps: z.number().positive().nullable() }),
  z.object({ type: z.literal('end') }),
]);
type Said = z.output<typeof Said>;
const KINDS = new Set(Said.options.map(({ shape }) => shape.type.value as string));

interface Call {
  resolve(): void;
  reject(error: SluiceError): void;
}

export class ProgramLines {
  readonly #print: (line: string) => void;
  readonly #log: Logger;
  readonly #calls = new Map<number, Call>();
  readonly #configured = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  readonly #ended = Promise.withResolvers<void>();
  #server: StreamProcessorServer | null = null;
  #next = 1;
  #over = false;
  #progress: (message: string, share: number | null) => void = () => {};

  constructor(input: Readable, print: (line: string) => void, log: Logger) {
    this.#print = print;
    this.#log = log;
    this.#configured.promise.catch(() => {});
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('line', (text) => this.#hear(text));
    lines.on('close', () => this.#end());
    input.on('error', () => this.#end());
  }

  /** The first line. Rejects with `bad-config` if it is none of that kind, or there is none. */
  get configured(): Promise<Readonly<Record<string, unknown>>> {
    return this.#configured.promise;
  }

  /** The program wants it to end, or has ended itself. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Calls of the processor's life go to the program. */
  calls(load: boolean): ProgramCalls {
    return {
      load: async (progress) => {
        this.#progress = progress;
        if (load) await this.#call('load', {});
      },
      start: (call) => this.#call('start', call),
      params: (call) => this.#call('params', call),
      stop: (call) => this.#call('stop', call),
    };
  }

  /** From now on the program's wishes are for this server. */
  serve(server: StreamProcessorServer): void {
    this.#server = server;
  }

  say(line: { readonly type: string; readonly [key: string]: unknown }): void {
    this.#print(JSON.stringify(line));
  }

  async #call(type: string, call: object): Promise<void> {
    if (this.#over) throw new SluiceError('processor-failed', 'its program has ended');
    const number = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#calls.set(number, { resolve, reject });
    this.say({ type, call: number, ...call });
    await promise;
  }

  #hear(text: string): void {
    if (text.trim() === '') return;
    let line: unknown;
    try {
      line = JSON.parse(text);
    } catch {
      return this.#wrong(`${JSON.stringify(text.slice(0, 100))} received; expected a JSON object`);
    }
    const type = typeof line === 'object' && line !== null && 'type' in line ? line.type : undefined;
    if (type === 'configure') return this.#configured.resolve(line as Record<string, unknown>);
    // Kinds of a newer program.
    if (typeof type !== 'string' || !KINDS.has(type)) return this.#log.debug({ type }, 'a line of the program is not known');
    try {
      this.#obey(parseInput(Said, line));
    } catch (error) {
      this.#wrong(error instanceof Error ? error.message : String(error));
    }
  }

  #wrong(why: string): void {
    this.#log.warn({ error: why }, 'a line of the program cannot be read');
    this.#configured.reject(new SluiceError('bad-config', `the first line of the program: ${why}`));
  }

  #obey(said: Said): void {
    switch (said.type) {
      case 'done':
        return this.#answered(said.call)?.resolve();
      case 'failed':
        return this.#answered(said.call)?.reject(new SluiceError('processor-failed', said.error));
      case 'progress':
        return this.#progress(said.message, said.share);
      case 'data':
        for (const stream of this.#streams(said.stream)) this.#server?.sendData(said.text, stream);
        return;
      case 'event':
        for (const stream of this.#streams(said.stream)) this.#server?.sendMonitoringEvent(said.event, said.eventType, stream);
        return;
      case 'loading':
        this.#server?.setLoadingOverlay(said.active, said.stream);
        return;
      case 'fps':
        this.#server?.setTargetFps(said.fps, said.stream);
        return;
      case 'end':
        this.#ended.resolve();
    }
  }

  #answered(number: number): Call | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    return call;
  }

  /** The stream that is named, or all. */
  #streams(named: string | undefined): string[] {
    return named === undefined ? [...(this.#server?.sessions.keys() ?? [])] : [named];
  }

  #end(): void {
    this.#over = true;
    this.#configured.reject(new SluiceError('bad-config', 'standard input has ended before a line { "type": "configure" } came'));
    for (const { reject } of this.#calls.values()) reject(new SluiceError('processor-failed', 'its program has ended'));
    this.#calls.clear();
    this.#ended.resolve();
  }
}
