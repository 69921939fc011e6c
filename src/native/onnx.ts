// ONNX Runtime, in a process for each model: a fault or a call that never comes back ends that process and nothing else. The engine is an
// optional peer (113 MB), looked for beside the configuration, the model and the program that uses it.
import { type ChildProcess, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../core/errors.ts';

/** The package and the version that Sluice is tested with. */
export const ONNX_PACKAGE = 'onnxruntime-node';
const ONNX_VERSION = '1.30.0';
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 30_000;

/** Types of numbers in tensors that are passed on. */
export type TensorType = 'float32' | 'float64' | 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'int64' | 'uint64' | 'bool';

/** Numbers with a shape, row-major. `int64` and `uint64` are bigints. */
export interface Tensor {
  readonly type: TensorType;
  readonly data:
    | Float32Array
    | Float64Array
    | Uint8Array
    | Int8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | Int32Array
    | BigInt64Array
    | BigUint64Array;
  readonly dims: readonly number[];
}

/** What a model takes or gives: a text in the shape is a size that may vary. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export type OnnxCommand =
  | {
      readonly type: 'open';
      readonly runtime: string;
      readonly file: string;
      readonly threads: number;
      readonly providers: readonly string[];
    }
  | { readonly type: 'run'; readonly number: number; readonly feeds: Readonly<Record<string, Tensor>> };

export type OnnxAnswer =
  | { readonly type: 'loaded' }
  | { readonly type: 'opened'; readonly inputs: readonly TensorInfo[]; readonly outputs: readonly TensorInfo[] }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'ran'; readonly number: number; readonly outputs: Readonly<Record<string, Tensor>>; readonly ms: number }
  | { readonly type: 'refused'; readonly number: number; readonly message: string };

export interface OnnxModelOptions {
  /** Path of the model. */
  readonly file: string;
  /** Folders from which the engine is looked for, in this order; the folder of the program is the last one. */
  readonly from: readonly string[];
  /** Threads of one run. */
  readonly threads: number;
  /** Execution providers of ONNX Runtime, the first that can is taken: `cpu`, `cuda`, `coreml`, `dml`. */
  readonly providers: readonly string[];
  /** What is being done, and how much of it (0 to 1) is behind us. */
  readonly progress?: (message: string, share: number) => void;
  readonly signal?: AbortSignal;
}

/** Outputs of one run, and how long it took inside the engine, ms. */
export interface OnnxRun {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly ms: number;
}

/** Path of the engine's entry as seen from these folders; `null` = it is not installed there. */
export function findOnnxRuntime(from: readonly string[]): string | null {
  for (const folder of [...from, process.cwd(), fileURLToPath(new URL('.', import.meta.url))]) {
    try {
      return createRequire(join(folder, 'any.js')).resolve(ONNX_PACKAGE);
    } catch {
      // Not from here.
    }
  }
  return null;
}

/** As `findOnnxRuntime`; throws `unavailable` that says how it is installed. */
export function needOnnxRuntime(from: readonly string[]): string {
  const entry = findOnnxRuntime(from);
  if (entry) return entry;
  throw new SluiceError(
    'unavailable',
    `ONNX models need the package ${ONNX_PACKAGE}, which is not installed: run "npm install --ignore-scripts ${ONNX_PACKAGE}@${ONNX_VERSION}" in ${from[0] ?? process.cwd()}`,
    { package: ONNX_PACKAGE, version: ONNX_VERSION },
  );
}

interface Pending {
  readonly resolve: (run: OnnxRun) => void;
  readonly reject: (error: SluiceError) => void;
}

/** A model at work. A process that has died is replaced: at once for the first time, then after pauses of up to 30 s. */
export class OnnxModel implements AsyncDisposable {
  readonly #options: OnnxModelOptions;
  readonly #runtime: string;
  #process: ModelProcess | null = null;
  #starting: Promise<ModelProcess> | null = null;
  #failures = 0;
  #notBefore = 0;
  #closed = false;

  private constructor(options: OnnxModelOptions, runtime: string) {
    this.#options = options;
    this.#runtime = runtime;
  }

  /** Starts the process and loads the model. Throws `unavailable` (no engine), `bad-value` (no such model), `processor-failed`. */
  static async open(options: OnnxModelOptions): Promise<OnnxModel> {
    const file = await stat(options.file).catch(() => null);
    if (!file?.isFile()) {
      throw new SluiceError('bad-value', `model: there is no file ${options.file}; expected the path of an ONNX model`, {
        field: 'model',
        received: options.file,
      });
    }
    const model = new OnnxModel(options, needOnnxRuntime(options.from));
    await model.#start();
    return model;
  }

  get inputs(): readonly TensorInfo[] {
    return this.#process?.inputs ?? [];
  }

  get outputs(): readonly TensorInfo[] {
    return this.#process?.outputs ?? [];
  }

  /** Id of the process; `null` while there is none. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Runs it once. Throws `processor-failed`; aborting ends the process, which may be stuck, and a new one is started. */
  async run(feeds: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<OnnxRun> {
    if (this.#closed) throw new SluiceError('processor-failed', 'the model is closed');
    const process = this.#process;
    if (!process) {
      if (!this.#starting && Date.now() >= this.#notBefore) void this.#start().catch(() => {});
      throw new SluiceError('processor-failed', 'the process of the model has ended; it is being started again');
    }
    const run = await process.run(feeds, signal);
    this.#failures = 0;
    return run;
  }

  #start(): Promise<ModelProcess> {
    const starting = ModelProcess.open(this.#options, this.#runtime, () => {
      this.#process = null;
      if (this.#closed) return;
      this.#notBefore = Date.now() + (this.#failures ? Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures) : 0);
      this.#failures++;
      if (this.#failures === 1) void this.#start().catch(() => {});
    }).then((process) => {
      // The pair of ends may come the other way round.
      if (this.#closed) process.end();
      else this.#process = process;
      return process;
    });
    this.#starting = starting;
    const done = () => {
      if (this.#starting === starting) this.#starting = null;
    };
    starting.then(done, done);
    return starting;
  }

  /** Ends the process. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const process = this.#process ?? (await this.#starting?.catch(() => null));
    await process?.end();
    this.#process = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One process. */
class ModelProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  #number = 0;
  inputs: readonly TensorInfo[] = [];
  outputs: readonly TensorInfo[] = [];

  private constructor(child: ChildProcess, onExit: () => void) {
    this.#child = child;
    let told = '';
    child.stderr?.on('data', (text: Buffer) => {
      told = String(text).trim().slice(-500);
    });
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const why = `the process of the model ended with ${signal ?? `code ${code}`}${told ? `: ${told}` : ''}`;
        for (const { reject } of this.#pending.values()) reject(new SluiceError('processor-failed', why));
        this.#pending.clear();
        resolve();
        onExit();
      });
    });
    // Without a listener a message that is no longer taken would be an unhandled error.
    child.on('error', () => {});
    child.on('message', (answer: OnnxAnswer) => {
      if (answer.type !== 'ran' && answer.type !== 'refused') return;
      const pending = this.#pending.get(answer.number);
      this.#pending.delete(answer.number);
      if (answer.type === 'ran') pending?.resolve(answer);
      else pending?.reject(new SluiceError('processor-failed', `the model: ${answer.message}`));
    });
  }

  static async open(options: OnnxModelOptions, runtime: string, onLost: () => void): Promise<ModelProcess> {
    const { file, threads, providers, progress, signal } = options;
    signal?.throwIfAborted();
    progress?.('Starting the engine of models', 0);
    // The extension is that of this file: .ts from a clone, .js from the built package.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const child = fork(fileURLToPath(new URL(`./onnx-process${extension}`, import.meta.url)), {
      serialization: 'advanced',
      // The engine tells its maker what is run with it unless it is forbidden to. Nothing leaves the machine.
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
    });
    let opened = false;
    const model = new ModelProcess(child, () => opened && onLost());
    child.unref();
    child.channel?.unref();
    const abort = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (reason: string) => reject(new SluiceError('processor-failed', `the model ${file} could not be loaded: ${reason}`));
        child.once('error', (error) => fail(error.message));
        child.once('exit', (code, by) => fail(signal?.aborted ? 'it was given up' : `its process ended with ${by ?? `code ${code}`}`));
        child.on('message', (answer: OnnxAnswer) => {
          if (answer.type === 'loaded') progress?.('Loading the model', 0.3);
          else if (answer.type === 'failed') fail(answer.message);
          else if (answer.type === 'opened') {
            model.inputs = answer.inputs;
            model.outputs = answer.outputs;
            resolve();
          }
        });
        model.#send({ type: 'open', runtime, file, threads, providers });
      });
      opened = true;
      return model;
    } catch (error) {
      await model.end();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  async run(feeds: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<OnnxRun> {
    signal?.throwIfAborted();
    const number = ++this.#number;
    const { promise, resolve, reject } = Promise.withResolvers<OnnxRun>();
    this.#pending.set(number, { resolve, reject });
    // It may be inside a native call that never ends; there is no other way to get out of that.
    const abort = () => this.#child.kill('SIGKILL');
    signal?.addEventListener('abort', abort);
    this.#send({ type: 'run', number, feeds });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #send(command: OnnxCommand): void {
    if (this.#child.connected) this.#child.send(command, () => {});
  }

  /** Ends it at once: it keeps nothing that would be lost. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
