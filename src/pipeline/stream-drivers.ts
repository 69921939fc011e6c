// Parts of this program that make frames, metrics or markers of a stream (nodes): who sits there, who of them makes the frames.
import type { Publisher } from './publisher.ts';

/** A part of this program that makes frames, metrics or markers of a stream: a node. */
export interface StreamDriver {
  /** For people: `node cells`. */
  readonly name: string;
  /** Runs only while somebody needs frames. */
  readonly onDemand: boolean;
  /** Whether it should run now. */
  want(wanted: boolean): void;
}

export type DriverState = 'running' | 'asleep' | 'failed' | 'ended';

/** A driver's hold on its stream. */
export interface DriverSeat extends Disposable {
  /** Becomes the one maker of the stream's frames. Throws `publisher-busy`, `conflict`. */
  claim(): void;
  /** Says how it goes: shown as state of the stream, or as reason where somebody else makes the frames. */
  report(state: DriverState, reason: string | null): void;
}

export interface DriversHost {
  /** Nobody is to make frames: stopped by hand, or the stream is gone. */
  readonly stopped: boolean;
  /** Frames are needed now. */
  readonly demanded: boolean;
  /** Throws `conflict` where the stream has a source of its own. */
  assertPush(): void;
  /** Becomes the stream's publisher. Throws `publisher-busy`. */
  publish(name: string): Publisher;
  onMaker(): void;
  onReport(driver: StreamDriver, state: DriverState, reason: string | null): void;
}

export class StreamDrivers {
  readonly #host: DriversHost;
  readonly #drivers = new Set<StreamDriver>();
  #maker: StreamDriver | null = null;

  constructor(host: DriversHost) {
    this.#host = host;
  }

  /** The one that makes the frames. */
  get maker(): StreamDriver | null {
    return this.#maker;
  }

  get onDemand(): boolean {
    return [...this.#drivers].some((driver) => driver.onDemand);
  }

  /** Seats one until disposed. It is told at once, and whenever that changes, whether to run. */
  seat(driver: StreamDriver): DriverSeat {
    let publisher: Publisher | null = null;
    const seat: DriverSeat = {
      claim: () => {
        // Its configuration may have changed since.
        this.#host.assertPush();
        if (this.#maker === driver) return;
        publisher = this.#host.publish(driver.name);
        this.#maker = driver;
        this.#host.onMaker();
      },
      report: (state, reason) => this.#host.onReport(driver, state, reason),
      [Symbol.dispose]: () => {
        this.#drivers.delete(driver);
        if (this.#maker === driver) this.#maker = null;
        publisher?.[Symbol.dispose]();
      },
    };
    this.#drivers.add(driver);
    driver.want(this.#wants(driver));
    return seat;
  }

  wake(): void {
    for (const driver of this.#drivers) driver.want(true);
  }

  /** Tells each whether it is still needed. */
  rest(): void {
    for (const driver of this.#drivers) driver.want(this.#wants(driver));
  }

  stop(): void {
    for (const driver of this.#drivers) driver.want(false);
  }

  #wants(driver: StreamDriver): boolean {
    return !this.#host.stopped && (!driver.onDemand || this.#host.demanded);
  }
}
