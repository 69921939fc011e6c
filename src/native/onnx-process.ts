// The process of one model. Its main thread only passes messages, so that it hears of the server's end even while a second thread is inside
// a native call; what that thread does can never take the server down.
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { OnnxAnswer, OnnxCommand, Tensor, TensorInfo, TensorType } from './onnx.ts';

/** The part of onnxruntime-node 1.30 that is used. It is an optional peer, so its own types are not there. */
interface Runtime {
  readonly InferenceSession: { create(file: string, options: object): Promise<InferenceSession> };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
}
interface RuntimeTensor {
  readonly type: string;
  readonly data: Tensor['data'];
  readonly dims: readonly number[];
}
interface InferenceSession {
  readonly inputMetadata: readonly RuntimeInfo[];
  readonly outputMetadata: readonly RuntimeInfo[];
  run(feeds: Record<string, RuntimeTensor>): Promise<Record<string, RuntimeTensor>>;
}
interface RuntimeInfo {
  readonly name: string;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

if (isMainThread) supervise();
else work();

function supervise(): void {
  const thread = new Worker(new URL(import.meta.url), { name: 'sluice-model' });
  thread.on('message', (answer: OnnxAnswer) => {
    if (process.connected) process.send!(answer);
  });
  thread.on('error', (error) => {
    if (process.connected) process.send!({ type: 'failed', message: error.message } satisfies OnnxAnswer);
  });
  process.on('message', (command: OnnxCommand) => thread.postMessage(command));
  // A tidy end would wait for the thread, which may never come back.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // The server ends in order and then hangs up; a signal to the whole group must not come before that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
}

function work(): void {
  let runtime: Runtime;
  let session: InferenceSession;
  const tell = (answer: OnnxAnswer) => parentPort!.postMessage(answer);
  const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

  async function open({ runtime: entry, file, threads, providers }: Extract<OnnxCommand, { type: 'open' }>): Promise<void> {
    try {
      runtime = createRequire(import.meta.url)(entry) as Runtime;
      tell({ type: 'loaded' });
      session = await runtime.InferenceSession.create(file, {
        intraOpNumThreads: threads,
        executionProviders: [...providers],
        logSeverityLevel: 3,
      });
      tell({ type: 'opened', inputs: session.inputMetadata.map(infoOf), outputs: session.outputMetadata.map(infoOf) });
    } catch (error) {
      tell({ type: 'failed', message: words(error) });
    }
  }

  async function run({ number, feeds }: Extract<OnnxCommand, { type: 'run' }>): Promise<void> {
    const started = performance.now();
    try {
      const inputs = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new runtime.Tensor(type, data, dims)] as const);
      const found = await session.run(Object.fromEntries(inputs));
      const outputs = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensorOf(tensor)]));
      tell({ type: 'ran', number, outputs, ms: performance.now() - started });
    } catch (error) {
      tell({ type: 'refused', number, message: words(error) });
    }
  }

  parentPort!.on('message', (command: OnnxCommand) => void (command.type === 'open' ? open(command) : run(command)));
}

function infoOf({ name, type = 'unknown', shape = [] }: RuntimeInfo): TensorInfo {
  return { name, type, shape: [...shape] };
}

/** Half floats become floats: they do not cross processes everywhere. */
function tensorOf({ type, data, dims }: RuntimeTensor): Tensor {
  if (type === 'float16') return { type: 'float32', data: Float32Array.from(data as unknown as ArrayLike<number>), dims: [...dims] };
  return { type: type as TensorType, data, dims: [...dims] };
}
