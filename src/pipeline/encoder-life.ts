// When an encoder runs: the first reader starts it, it lingers after the last one, and begins anew with back-off when it fails. One for
// pictures and for sound.
import type { SluiceError } from '../core/errors.ts';
import type { Job } from './media-pool.ts';

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;

/** A running encoder. */
export interface EncoderRun {
  readonly job: Job;
  /** Gives back what it held; the job has ended. */
  release(): void;
}

export interface EncoderLifeHost<Run extends EncoderRun> {
  readonly lingerMs: number;
  readonly readers: () => number;
  readonly start: () => Run;
  /** It failed; `news`: not for the same reason as before. */
  readonly onFailed: (error: SluiceError, news: boolean) => void;
  /** It has stopped and nobody reads. */
  readonly onIdle: () => void;
}

export class EncoderLife<Run extends EncoderRun> {
  readonly #host: EncoderLifeHost<Run>;
  #run: Run | null = null;
  #starting = false;
  #linger: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;
  #error: SluiceError | null = null;

  constructor(host: EncoderLifeHost<Run>) {
    this.#host = host;
  }

  get run(): Run | null {
    return this.#run;
  }

  /** Why it does not encode now. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /** Readers came or went. */
  onReaders(readers: number): void {
    clearTimeout(this.#linger);
    if (readers > 0) {
      if (!this.#run && !this.#starting && !this.#closed) this.#start();
    } else if (this.#run || this.#restart) {
      this.#linger = setTimeout(() => void this.#stop().then(() => this.#host.onIdle()), this.#host.lingerMs);
      this.#linger.unref();
    } else this.#host.onIdle();
  }

  /** Something was encoded. */
  worked(): void {
    this.#error = null;
    this.#failures = 0;
  }

  failed(error: SluiceError): void {
    this.#failures++;
    const news = this.#error?.message !== error.message;
    this.#error = error;
    this.#host.onFailed(error, news);
  }

  #start(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
    // Waking the source tells listeners, and one of them may subscribe in turn.
    this.#starting = true;
    const run = this.#host.start();
    this.#run = run;
    this.#starting = false;
    void run.job.ended.then((error) => {
      if (this.#run === run) {
        this.#run = null;
        run.release();
      }
      if (this.#closed) return;
      if (error) this.failed(error);
      if (!this.#host.readers()) return;
      // A reader came while it was stopping.
      if (!error) return this.#start();
      const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      this.#restart = setTimeout(() => this.#host.readers() && !this.#run && this.#start(), delay);
      this.#restart.unref();
    });
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    this.#restart = undefined;
    await this.#run?.job.stop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#linger);
    await this.#stop();
  }
}
