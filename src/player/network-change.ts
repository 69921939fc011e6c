// Tells when the computer has another network: what did not get through before may do so now.

interface Connection extends EventTarget {
  readonly type?: string;
}

export class NetworkChange {
  readonly #abort = new AbortController();

  constructor(onChange: () => void) {
    const { signal } = this.#abort;
    addEventListener('online', onChange, { signal });
    const { connection } = navigator as Navigator & { connection?: Connection };
    let type = connection?.type;
    // The event also comes with each new estimate of the bandwidth: only another kind of network counts.
    connection?.addEventListener?.(
      'change',
      () => {
        if (connection.type === type) return;
        type = connection.type;
        onChange();
      },
      { signal },
    );
  }

  close(): void {
    this.#abort.abort();
  }
}
