// Params that a processor is asked about, until it has answered or is gone.
import { zodOf } from '../../api/json-schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { SluiceError } from '../../core/errors.ts';
import type { SessionInfo } from '../../processors/session.ts';

export type Params = Readonly<Record<string, unknown>>;

export class Checks {
  readonly #open = new Map<number, PromiseWithResolvers<Params>>();

  ask(job: number): Promise<Params> {
    const answer = Promise.withResolvers<Params>();
    this.#open.set(job, answer);
    return answer.promise;
  }

  answer(job: number, params: Params): void {
    this.#open.get(job)?.resolve(params);
    this.#open.delete(job);
  }

  /** Whether the job was one of these. */
  refuse(job: number, error: SluiceError): boolean {
    const answer = this.#open.get(job);
    answer?.reject(error);
    return this.#open.delete(job);
  }

  /** It has gone before it could answer. */
  abandon(): void {
    for (const job of this.#open.keys())
      this.refuse(job, new SluiceError('unavailable', 'the processor has gone before it could check its params'));
  }
}

/** Of a processor that does not run now: what its schema says. Its own word comes when it is loaded again. */
export function checkBySchema({ schema, params }: SessionInfo, values: Params): Params {
  return schema ? parseInput(zodOf(schema), { ...params, ...values }) : params;
}
