// Frames that programs push: one publisher at a time per stream, a newer one takes over at once. Nothing here waits for readers.
import type { Clock } from '../core/clock.ts';
import { DeviceClock, type DeviceClockState } from '../core/device-clock.ts';
import { SluiceError } from '../core/errors.ts';
import { FORMATS, type FrameInfo, frameBytes, type Picture } from '../core/frame.ts';
import { TimeGate } from '../core/gate.ts';
import type { Micros } from '../core/time.ts';
import { checkRaw, packRowsInto } from '../formats/raw.ts';
import type { FrameHub } from './frame-hub.ts';

export interface PushOptions {
  /** Capture time; without it the time of arrival. */
  readonly timestamp?: Micros | undefined;
  /** Time of the camera's own clock, µs: mapped to UTC where it decides (`clock: device`, or no `timestamp`). */
  readonly deviceTimestamp?: number | undefined;
  /** When the frame came, if that was earlier than now: it may have been decoded since. */
  readonly arrival?: Micros | undefined;
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
  readonly captured: FrameHub;
  readonly config: { readonly source: { readonly type: string; readonly clock?: string } };
  takeId(): number;
  onFrame(info: FrameInfo, stepped: boolean, metadata: Readonly<Record<string, unknown>> | null): void;
  /** A publisher came or went; `passing`: it was there for one frame only. */
  onPublisher(passing: boolean): void;
  /** A publisher was replaced by a newer one. */
  onTakeover(name: string): void;
  /** The device clock was set; the frame of this time is the first of the new mapping. */
  onDeviceStep(timestamp: Micros): void;
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
  readonly #device = new DeviceClock();
  #connection: unknown;
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

  /** The mapping of a camera's own clock; `null` where no device times come. */
  get deviceClock(): DeviceClockState | null {
    return this.#device.state;
  }

  /**
   * Becomes the stream's publisher. `exclusive` refuses instead of taking over. Device times are mapped anew for each `connection`; without
   * one, each publisher is a connection of its own. `passing`: it holds the stream for one frame, and that it goes says nothing.
   */
  open(name: string, exclusive = false, connection?: unknown, passing = false): Publisher {
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
        this.#stream.onPublisher(passing);
      },
    };
    this.#publisher = publisher;
    if (connection === undefined || connection !== this.#connection) this.#device.begin();
    this.#connection = connection;
    before?.onReplaced?.();
    if (before) this.#stream.onTakeover(name);
    this.#stream.onPublisher(passing);
    return publisher;
  }

  /** Puts a picture into the ring. Throws for one that does not fit its own description; everything else is told in the receipt. */
  push(picture: Picture, options: PushOptions = {}): PushReceipt {
    const stream = this.#stream;
    const { format, width, height, data } = picture;
    const stride = options.stride ?? 0;
    checkRaw(data.length, format, width, height, stride);
    const now = stream.clock.now();
    const ring = stream.captured.ringFor(format, width, height);
    const captured = this.#captureTime(options, now);
    if (typeof captured === 'string') {
      stream.captured.refused.add('not-rising');
      return { id: 0, timestamp: now, dropped: 'not-rising', detail: captured };
    }
    const { timestamp } = captured;
    // Programs on this machine follow the system's clock, however far the server's has still to go.
    const answer = this.#gate.check(timestamp, stream.clock.latest());
    if (!answer.accepted) {
      stream.captured.refused.add(answer.reason);
      return { id: 0, timestamp, dropped: answer.reason, detail: answer.detail };
    }
    const slot = ring.claim();
    if (slot < 0) {
      stream.captured.dropped.add('ring');
      return { id: 0, timestamp, dropped: 'ring', detail: 'every slot of the frame ring is in use: the encoders do not keep up' };
    }
    const id = stream.takeId();
    if (id === 0) {
      ring.release(slot);
      stream.captured.dropped.add('ids');
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
    stream.captured.count();
    if (captured.stepped) stream.onDeviceStep(timestamp);
    stream.onFrame(info, answer.stepped, options.metadata ?? null);
    return { id, timestamp };
  }

  /** Whose clock decides; a sentence if the device's own clock does not rise. */
  #captureTime(options: PushOptions, now: Micros): { timestamp: Micros; stepped: boolean } | string {
    const { clock } = this.#stream.config.source;
    const { timestamp, deviceTimestamp, arrival = now } = options;
    if (clock === 'arrival') return { timestamp: now, stepped: false };
    if (clock === 'device' && deviceTimestamp === undefined) {
      throw new SluiceError(
        'bad-value',
        `${this.#stream.name} has clock: device; expected a deviceTimestamp with each frame, received none`,
        {
          field: 'deviceTimestamp',
        },
      );
    }
    if (deviceTimestamp === undefined || (timestamp !== undefined && clock !== 'device')) {
      return { timestamp: timestamp ?? now, stepped: false };
    }
    const answer = this.#device.map(deviceTimestamp, arrival);
    return answer.accepted ? answer : answer.detail;
  }
}
