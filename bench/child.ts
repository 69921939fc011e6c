// A process of our own that answers calls over its IPC channel. It ends with its parent, however that one ends.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Call {
  readonly call: number;
  readonly method: string;
  readonly argument: unknown;
}

type Answer =
  | { readonly ready: true }
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: string };

/** How long a child may take to end after it was asked to. */
const END_MS = 8000;
/** How much of its standard error is kept for the message about its failure. */
const SAID_CHARACTERS = 1000;
const LAST_WORDS_MS = 50;

/** What a child can be called for. */
export type Methods = Record<string, (argument: never) => unknown>;

/** The parent's side. `using` ends the process. */
export class Child<M extends Methods> implements AsyncDisposable {
  readonly #process;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #exited: Promise<void>;
  #calls = 0;
  #gone: Error | null = null;

  private constructor(script: string, argument: unknown, execArgv: readonly string[]) {
    // The settings of whoever measures must not change what is measured.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));
    this.#process = fork(fileURLToPath(new URL(`./children/${script}`, import.meta.url)), [JSON.stringify(argument)], {
      env,
      execArgv: [...execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // What libraries say is of no interest unless the process fails.
    let said = '';
    this.#process.stderr?.on('data', (text: Buffer) => {
      said = `${said}${text}`.slice(-SAID_CHARACTERS);
    });
    this.#exited = new Promise((resolve) => {
      const end = (reason: string) => {
        this.#gone ??= new Error(`${script} ended: ${reason}${said ? `; it said: ${said.trim()}` : ''}`);
        for (const waiting of this.#waiting.values()) waiting.reject(this.#gone);
        this.#waiting.clear();
        resolve();
      };
      // Not `close`, which does not come after a disconnect of ours; its last words may still be on their way.
      this.#process.once('exit', (code, signal) => setTimeout(() => end(`exit ${signal ?? code}`), LAST_WORDS_MS));
      this.#process.once('error', (error) => end(error.message));
    });
  }

  /** Starts `children/{script}` and waits until it is ready. */
  static async start<M extends Methods>(script: string, argument: unknown, execArgv: readonly string[] = []): Promise<Child<M>> {
    const child = new Child<M>(script, argument, execArgv);
    const ready = Promise.withResolvers<unknown>();
    child.#waiting.set(0, ready);
    child.#process.on('message', (answer: Answer) => {
      const id = 'ready' in answer ? 0 : answer.call;
      const waiting = child.#waiting.get(id);
      child.#waiting.delete(id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve('value' in answer ? answer.value : undefined);
    });
    try {
      await ready.promise;
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
    return child;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  call<K extends keyof M & string>(method: K, argument?: Parameters<M[K]>[0]): Promise<Awaited<ReturnType<M[K]>>> {
    if (this.#gone) return Promise.reject(this.#gone);
    const waiting = Promise.withResolvers<unknown>();
    const call = ++this.#calls;
    this.#waiting.set(call, waiting);
    this.#process.send({ call, method, argument } satisfies Call);
    return waiting.promise as Promise<Awaited<ReturnType<M[K]>>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** The child's side: its argument. */
export function childArgument<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null') as T;
}

/** The child's side: answers calls until the parent lets go or is gone, then runs `end` and exits. */
export function serveParent(methods: Methods, end: () => Promise<void> | void = () => {}): void {
  const send = (answer: Answer) => {
    if (process.connected) process.send!(answer);
  };
  process.on('message', ({ call, method, argument }: Call) => {
    void (async () => methods[method]!(argument as never))().then(
      (value) => send({ call, value }),
      (error) => send({ call, error: error instanceof Error ? error.message : String(error) }),
    );
  });
  // Ctrl-C reaches the whole group; the parent decides when we go.
  process.on('SIGINT', () => {});
  process.once('disconnect', () => {
    void (async () => end())().finally(() => process.exit());
  });
  send({ ready: true });
}
