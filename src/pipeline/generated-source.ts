// Source `generate`: there is none. The first processor in the way makes the pictures, while somebody needs them.

export interface GeneratedSourceHost {
  /** Whether there is a processor that could. */
  readonly possible: () => boolean;
  readonly onState: (state: 'asleep' | 'starting' | 'failed', reason: string | null) => void;
}

export class GeneratedSource {
  readonly #host: GeneratedSourceHost;
  #wanted = false;

  constructor(host: GeneratedSourceHost) {
    this.#host = host;
  }

  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (!wanted) this.#host.onState('asleep', null);
    else if (this.#host.possible()) this.#host.onState('starting', null);
    else this.#host.onState('failed', 'no processor stands in its way that could make pictures');
  }

  moved(): void {}

  async close(): Promise<void> {
    this.#wanted = false;
  }
}
