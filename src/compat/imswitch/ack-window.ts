// How many pictures may be on their way to a client of ImSwitch: the window of its server (last sent - last acknowledged, modulo 256, at most 3),
// with what that lacks: it holds from the first picture on, and an acknowledgement that never comes is given up after a while.

/** Pictures carry the number of this count. */
export const ID_MODULO = 256;
/** Not yet acknowledged pictures, as ImSwitch allows: its MAX_FRAME_LAG of 3 and the one that is about to be sent. */
export const WINDOW = 4;
/** After so long, ms, whatever is not acknowledged is given up, and the next pictures go out. */
export const ACK_TIMEOUT_MS = 1000;

/** Not thread-safe; times are ms of one monotonic clock. */
export class AckWindow {
  #flying: { readonly id: number; readonly at: number }[] = [];
  /** Pictures that were given up. */
  timeouts = 0;

  get flying(): number {
    return this.#flying.length;
  }

  /** How long, ms, until another picture may go out; 0 = now. */
  wait(now: number, limit = WINDOW): number {
    if (this.#flying.length < limit) return 0;
    const left = this.#flying[0]!.at + ACK_TIMEOUT_MS - now;
    if (left > 0) return left;
    this.timeouts += this.#flying.length;
    this.#flying = [];
    return 0;
  }

  /** A picture goes out. `id`: 0 to 255. */
  sent(id: number, now: number): void {
    this.#flying.push({ id, at: now });
  }

  /**
   * An acknowledgement has come: for that picture and all before it, so that one that was lost costs nothing. `false`: none of that number is on
   * its way.
   */
  acked(id: number): boolean {
    const at = this.#flying.findIndex((entry) => entry.id === id);
    if (at < 0) return false;
    this.#flying = this.#flying.slice(at + 1);
    return true;
  }

  /** An acknowledgement that names no picture: the oldest one is meant. */
  ackedOldest(): boolean {
    return this.#flying.shift() !== undefined;
  }
}
