// Frames that programs push: one publisher at a time per stream, a newer one takes over at once. Nothing here waits for readers.
import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type FrameInfo, frameBytes, type Picture } from '../core/frame.ts';
import { TimeGate } from '../core/gate.ts';
import type { Micros } from '../core/time.ts';
import { checkRaw, packRowsInto } from '../formats/raw.ts';
import type { FrameHub } from './frame-hub.ts';

export interface PushOptions {
  /** Capture time; without it the time of arrival. */
  readonly timestamp?: Micros | undefined;
  /** JSON that goes with the frame. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** Bytes of a row of the first plane; 0 or absent = without padding. */
  readonly stride?: number | undefined;
}

/** What became of a pushed frame. `id` is 0 if it never got one. */
export interface PushReceipt {
  readonly id: number;
  readonly timestamp: number;
  readonly dropped?: string;
  /** The reason in a sentence. */
  readonly detail?: string;
}

/** What pushed frames need of their stream. */
export interface PushTarget {
  readonly name: string;
  readonly clock: Clock;
  readonly hub: FrameHub;
  readonly config: { readonly source: { readonly type: string; readonly clock?: string } };
  takeId(): number;
  onFrame(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null): void;
  onPublisher(): void;
}

/** A program's hold on a stream. */
export interface Publisher extends Disposable {
  readonly name: string;
  /** Called once if another publisher takes over. */
  onReplaced: (() => void) | null;
}

export class PushInput {
  readonly #stream: PushTarget;
  readonly #gate = new TimeGate();
  #publisher: Publisher | null = null;

  constructor(stream: PushTarget) {
    this.#stream = stream;
  }

  get publisher(): Publisher | null {
    return this.#publisher;
  }

  resume(last: Micros): void {
    this.#gate.resume(last);
  }

  /** Becomes the stream's publisher. `exclusive` refuses instead of taking over. */
  open(name: string, exclusive = false): Publisher {
    const before = this.#publisher;
    if (before && exclusive) {
      throw new SluiceError('publisher-busy', `${before.name} publishes into ${this.#stream.name}; leave out exclusive=1 to take over`);
    }
    const publisher: Publisher = {
      name,
      onReplaced: null,
      [Symbol.dispose]: () => {
        if (this.#publisher !== publisher) return;
        this.#publisher = null;
        this.#stream.onPublisher();
      },
    };
    this.#publisher = publisher;
    before?.onReplaced?.();
    this.#stream.onPublisher();
    return publisher;
  }

  /** Puts a picture into the ring. Throws for one that does not fit its own description; everything else is told in the receipt. */
  push(picture: Picture, options: PushOptions = {}): PushReceipt {
    const stream = this.#stream;
    const { format, width, height, data } = picture;
    const stride = options.stride ?? 0;
    checkRaw(data.length, format, width, height, stride);
    const now = stream.clock.now();
    const timestamp = (stream.config.source.clock === 'arrival' ? null : options.timestamp) ?? now;
    const ring = stream.hub.ringFor(format, width, height);
    const answer = this.#gate.check(timestamp, now);
    if (!answer.accepted) {
      stream.hub.refused.add(answer.reason);
      return { id: 0, timestamp, dropped: answer.reason, detail: answer.detail };
    }
    const slot = ring.claim();
    if (slot < 0) {
      stream.hub.dropped.add('ring');
      return { id: 0, timestamp, dropped: 'ring', detail: 'every slot of the frame ring is in use: the encoders do not keep up' };
    }
    const id = stream.takeId();
    if (id === 0) {
      ring.release(slot);
      stream.hub.dropped.add('ids');
      return { id: 0, timestamp, dropped: 'ids', detail: 'the reserved frame ids are used up; more are on their way' };
    }
    packRowsInto(ring.pixels(slot).subarray(0, frameBytes(format, width, height)), data, format, width, height, stride);
    const info: FrameInfo = {
      id,
      timestamp,
      format,
      width,
      height,
      significantBits: picture.significantBits ?? FORMATS[format].depth,
      received: stream.clock.now(),
    };
    ring.publish(slot, info);
    stream.hub.count();
    stream.onFrame(info, answer.stepped, options.metadata ?? null);
    return { id, timestamp };
  }
}
