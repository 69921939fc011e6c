// The last picture of a stream that shows none now.
import type { StreamInfo } from '../api/schema.ts';
import type { StreamAddress } from './address.ts';
import type { Stage } from './stage.ts';

export class Poster {
  readonly #address: StreamAddress;
  readonly #stage: Stage;
  readonly #abort = new AbortController();
  #asked = false;

  constructor(address: StreamAddress, stage: Stage) {
    this.#address = address;
    this.#stage = stage;
  }

  /** Puts it behind the (empty) picture, once, where the server has one without waking the source. */
  show(info: StreamInfo): void {
    if (this.#asked || !info.lastFrame || info.state === 'asleep') return;
    this.#asked = true;
    void this.#load();
  }

  close(): void {
    this.#abort.abort();
  }

  async #load(): Promise<void> {
    const { signal } = this.#abort;
    const response = await fetch(this.#address.live('snapshot.jpg'), { cache: 'no-store', signal }).catch(() => null);
    const blob = response?.ok ? await response.blob().catch(() => null) : null;
    if (blob?.type.startsWith('image/') && !signal.aborted) this.#stage.poster(blob);
  }
}
