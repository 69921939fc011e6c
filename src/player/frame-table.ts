// Which frame a picture is: rows of media time to frame id and capture time, as read from the media bytes.

/** One picture of the media. */
export interface FrameRow {
  /** Presentation time in 90 kHz ticks since the Unix epoch. */
  readonly pts: number;
  readonly id: number;
  /** Capture time, µs UTC. */
  readonly timestamp: number;
  /** Ticks until the next picture. Where rows do not touch, media in between was not loaded. */
  readonly duration: number;
  /** The picture of the frame before, shown once more. */
  readonly repeat: boolean;
  /** Discontinuity sequence number of the playlist: media times of rows are comparable only within one. */
  readonly cc: number;
}

/** 33 minutes at 30 fps; about 5 MB. */
const MAX_ROWS = 60_000;

/** Rounding between the end of one row and the start of the next, in ticks: half a millisecond. */
const TOUCH = 45;

/** Rows sorted by `pts`; ids and capture times rise with it. Holds at most `limit` rows: those near the newest insertion stay. */
export class FrameTable {
  readonly #limit: number;
  #rows: FrameRow[] = [];

  constructor(limit: number = MAX_ROWS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#rows.length;
  }

  get first(): FrameRow | undefined {
    return this.#rows[0];
  }

  get last(): FrameRow | undefined {
    return this.#rows.at(-1);
  }

  /** Adds rows in any order; a row with the `pts` of an older one replaces it. */
  add(rows: readonly FrameRow[]): void {
    let at = 0;
    for (const row of rows) {
      at = this.#lowerBound((other) => other.pts < row.pts);
      if (this.#rows[at]?.pts === row.pts) this.#rows[at] = row;
      else if (at === this.#rows.length) this.#rows.push(row);
      else this.#rows.splice(at, 0, row);
    }
    const over = this.#rows.length - this.#limit;
    if (over <= 0) return;
    if (at < this.#rows.length / 2) this.#rows.length = this.#limit;
    else this.#rows = this.#rows.slice(over);
  }

  /** The row nearest to a media time, at most `tolerance` ticks away (default 0.5 ms). */
  nearest(pts: number, tolerance = TOUCH): FrameRow | null {
    const at = this.#lowerBound((row) => row.pts < pts);
    let best: FrameRow | null = null;
    for (const row of [this.#rows[at - 1], this.#rows[at]]) {
      if (row && Math.abs(row.pts - pts) <= Math.min(tolerance, best ? Math.abs(best.pts - pts) : tolerance)) best = row;
    }
    return best;
  }

  /** The row where a frame is shown first. */
  byId(id: number): FrameRow | null {
    const row = this.#rows[this.#lowerBound((other) => other.id < id)];
    return row?.id === id ? row : null;
  }

  /** The row of the frame that was the newest at a time; `null` if the table does not know that moment. */
  byTime(timestamp: number): FrameRow | null {
    const row = this.#rows[this.#lowerBound((other) => other.timestamp <= timestamp) - 1];
    if (!row || (timestamp * 9) / 100 >= row.pts + row.duration + TOUCH) return null;
    return this.byId(row.id);
  }

  /** The first row of the frame after (`step` 1) or before (-1) the frame `id`, which may itself be missing between two rows that touch;
   *  `null` where the table does not know it. */
  neighbour(id: number, step: 1 | -1): FrameRow | null {
    const at = this.#lowerBound((row) => (step === 1 ? row.id <= id : row.id < id));
    const before = this.#rows[at - 1];
    const after = this.#rows[at];
    if (!before || !after) return null;
    if (after.cc !== before.cc || after.pts - before.pts - before.duration > TOUCH) return null;
    return this.byId((step === 1 ? after : before).id);
  }

  clear(): void {
    this.#rows = [];
  }

  /** Index of the first row for which `before` is false. */
  #lowerBound(before: (row: FrameRow) => boolean): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.#rows[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
