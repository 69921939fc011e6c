// The frame ids of one stream: blocks are reserved on disk ahead of use, so that no id is given twice whatever happens.
import { ID_BLOCK, IdCounter } from '../core/ids.ts';

/** Reserves ids: the first of the block, once that is safe on disk. The store hands out adjoining blocks. */
export type ReserveIds = (count: number) => Promise<number>;

export class FrameIds {
  readonly counter: IdCounter;
  readonly #reserve: ReserveIds;
  readonly #onError: (error: unknown) => void;
  #reserving = false;

  private constructor(counter: IdCounter, reserve: ReserveIds, onError: (error: unknown) => void) {
    this.counter = counter;
    this.#reserve = reserve;
    this.#onError = onError;
  }

  /** `count` = those reserved at once; 0 for who takes over the ids of another stream. */
  static async open(reserve: ReserveIds, count: number, onError: (error: unknown) => void): Promise<FrameIds> {
    const first = await reserve(count);
    return new FrameIds(new IdCounter({ first, limit: first + count }), reserve, onError);
  }

  /** Reserves another block in time. */
  ahead(): void {
    if (this.counter.limit - this.counter.next <= ID_BLOCK / 2) this.#extend(ID_BLOCK);
  }

  /** Reserves as far as `ahead` beyond an id that was given by another stream. */
  reach(id: number, ahead: number): void {
    const { limit } = this.counter;
    if (id >= limit - ahead / 2) this.#extend(id - limit + 1 + ahead);
  }

  #extend(count: number): void {
    if (this.#reserving) return;
    this.#reserving = true;
    this.#reserve(count).then(
      (first) => {
        this.counter.extend(first + count);
        this.#reserving = false;
      },
      (error) => {
        this.#onError(error);
        this.#reserving = false;
      },
    );
  }
}
