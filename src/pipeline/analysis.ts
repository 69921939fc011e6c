// Looks at single frames on demand, in a worker: nothing runs while nobody asks. Who asks for the same at the same time shares one look.
import { SluiceError, toSluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import type { PROCESSORS } from '../processors/index.ts';
import type { Findings } from '../processors/processor.ts';
import type { FrameHub } from './frame-hub.ts';
import type { Job, MediaPool } from './media-pool.ts';
import type { ProcessEvent } from './messages.ts';

/** Different looks at a stream at the same time. */
const MOST = 4;
/** A source may have to wake up first. */
const PATIENCE_MS = 8000;

export interface AnalysisHost {
  readonly name: string;
  readonly hub: FrameHub;
  readonly pool: MediaPool;
  readonly clock: { readonly state: BigInt64Array<SharedArrayBuffer> };
  /** The newest frame is one of now. */
  readonly replay: boolean;
  demand(): Disposable;
}

export interface Analysis {
  readonly info: FrameInfo;
  readonly findings: Findings | null;
}

export class Analyses {
  readonly #host: AnalysisHost;
  readonly #running = new Map<string, Promise<Analysis>>();

  constructor(host: AnalysisHost) {
    this.#host = host;
  }

  /** What a processor finds in one frame of now. Throws `queue-full`, `no-frames`, `processor-failed`. */
  look(use: keyof typeof PROCESSORS, params: unknown): Promise<Analysis> {
    const key = JSON.stringify([use, params]);
    const known = this.#running.get(key);
    if (known !== undefined) return known;
    if (this.#running.size >= MOST) {
      const { name } = this.#host;
      return Promise.reject(new SluiceError('queue-full', `${MOST} others are being looked for in ${name}; try again in a moment`));
    }
    const work = this.#look(use, params).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
    return work;
  }

  async #look(use: keyof typeof PROCESSORS, params: unknown): Promise<Analysis> {
    const { hub, pool, clock, replay, name } = this.#host;
    using _awake = this.#host.demand();
    let job: Job | undefined;
    using seat = hub.seat(1, replay, (ring) => job?.send({ type: 'ring', ring }));
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Analysis>((resolve, reject) => {
        timer = setTimeout(
          () => reject(new SluiceError('no-frames', `${name} gave no picture within ${PATIENCE_MS / 1000} s`)),
          PATIENCE_MS,
        );
        const spec = { kind: 'process' as const, use, params, clock: clock.state, reader: seat.number, ring: seat.ring, after: 0 };
        job = pool.run<ProcessEvent>(
          spec,
          (event) => {
            if (event.type === 'found') resolve({ info: event.info, findings: event.findings });
            else if (event.type === 'failed') reject(toSluiceError(event.error));
          },
          'processors',
        );
        void job.ended.then((error) => reject(error ?? new SluiceError('processor-failed', 'it ended without an answer')));
      });
    } finally {
      clearTimeout(timer);
      await job?.stop();
    }
  }
}
