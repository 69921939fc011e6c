// Waiting for user code that may never come back.

/** The wait was given up. */
export const LEFT = Symbol('left');

/** Waits for one promise at a time, until told to give up. (`Promise.race` with a promise that stays open would keep every answer.) */
export class Leave {
  #left = false;
  #giveUp: (() => void) | null = null;

  /** What is waited for now, and ever after, settles with `LEFT`. */
  now(): void {
    this.#left = true;
    this.#giveUp?.();
  }

  /** The value of `work`, or `LEFT`. What it does afterwards is ignored, errors too. */
  wait<T>(work: T | PromiseLike<T>): Promise<T | typeof LEFT> {
    return new Promise((resolve, reject) => {
      this.#giveUp = () => resolve(LEFT);
      if (this.#left) this.#giveUp();
      Promise.resolve(work).then(resolve, reject);
    });
  }
}
