// How long each detector exposes: its frames say it (`exposure` of their metadata, ms), else its configuration.
import type { LongExposure } from '../../api/live-views.ts';
import type { Stream } from '../../pipeline/stream.ts';

export class Exposures {
  readonly #limit: number;
  readonly #told = new Map<string, number>();

  /** @param limit ms */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A frame has come. */
  frame(stream: string, metadata: Readonly<Record<string, unknown>> | null): void {
    if (metadata) this.tell(stream, metadata.exposure);
  }

  /** A detector says how long it exposes, ms; anything but a length of time is left out. */
  tell(stream: string, exposure: unknown): void {
    if (typeof exposure === 'number' && exposure >= 0 && Number.isFinite(exposure)) this.#told.set(stream, exposure);
  }

  /** Its program is gone; the next one may expose otherwise. */
  forget(stream: string): void {
    this.#told.delete(stream);
  }

  of(stream: Stream): LongExposure {
    const told = this.#told.get(stream.name);
    const exposure = told ?? stream.config.exposure ?? null;
    const from = told !== undefined ? 'frame' : exposure === null ? null : 'config';
    return { stream: stream.name, exposure, limit: this.#limit, long: exposure !== null && exposure > this.#limit, from };
  }
}
