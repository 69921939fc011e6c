// Times that frames had in the medium that they came from (PTS of a transport stream), so that an output of the same protocol gives them
// back unchanged. By frame id, for the newest frames only.

const SIZE = 4096;

export class MediaTimes {
  readonly #ids = new Float64Array(SIZE);
  readonly #times = new Float64Array(SIZE);

  /** @param time 90 kHz ticks */
  set(id: number, time: number): void {
    this.#ids[id % SIZE] = id;
    this.#times[id % SIZE] = time;
  }

  /** 90 kHz ticks; `null`: not known, or too long ago. */
  of(id: number): number | null {
    return id > 0 && this.#ids[id % SIZE] === id ? this.#times[id % SIZE]! : null;
  }
}
