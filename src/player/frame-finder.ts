// Finds the row of a frame to go to: in what the player has loaded, else in the server's timeline.
import type { StreamAddress } from './address.ts';
import { type FrameRow, FrameTable } from './frame-table.ts';
import { framesAround } from './timeline-lookup.ts';
import type { Dvr, ShownFrame } from './transport.ts';

const AROUND_US = 5_000_000;
/** A frame of a kept span lies at most this far from a time inside of it. */
const KEPT_US = 2_000_000;
/** Sparse streams have their next frame far away: ask for little first. */
const SPANS_US = [2_000_000, 30_000_000, 300_000_000];

/** All methods give `null` for what is not kept and reject with what `fetch` rejects with. */
export class FrameFinder {
  readonly #address: StreamAddress;

  constructor(address: StreamAddress) {
    this.#address = address;
  }

  async byId(dvr: Dvr, id: number, signal: AbortSignal): Promise<FrameRow | null> {
    return dvr.table.byId(id) ?? (await this.#around({ frame: id }, signal)).byId(id);
  }

  /** The frame that was the newest at a time; times outside of what is kept mean its ends. */
  async byTime(dvr: Dvr, asked: number, signal: AbortSignal): Promise<FrameRow | null> {
    const range = dvr.range();
    if (range && asked < range.start) {
      // Older spans may be kept round markers.
      const kept = (await framesAround(this.#address, { start: asked - KEPT_US, end: asked + KEPT_US }, signal)).filter(
        (row) => !row.repeat,
      );
      const row = kept.findLast((candidate) => candidate.timestamp <= asked);
      if (row) return row;
    }
    const timestamp = range ? Math.min(Math.max(asked, range.start), range.end) : asked;
    const known = dvr.table.byTime(timestamp);
    if (known) return known;
    for (const span of SPANS_US) {
      const found = await framesAround(this.#address, { start: timestamp - span, end: timestamp + span }, signal);
      const rows = found.filter((row) => !row.repeat);
      const row = rows.findLast((candidate) => candidate.timestamp <= timestamp) ?? rows[0];
      if (row) return row;
    }
    return null;
  }

  /** The next (1) or the previous (-1) frame. `from` itself may be missing, as in a video that a busy encoder had to thin out. */
  async neighbour(dvr: Dvr, from: ShownFrame, step: 1 | -1, signal: AbortSignal): Promise<FrameRow | null> {
    const { id, timestamp } = from;
    const known = dvr.table.neighbour(id, step) ?? (await this.#around({ frame: id }, signal)).neighbour(id, step);
    return known ?? (await this.#around({ start: timestamp - AROUND_US, end: timestamp + AROUND_US }, signal)).neighbour(id, step);
  }

  async #around(query: Parameters<typeof framesAround>[1], signal: AbortSignal): Promise<FrameTable> {
    const table = new FrameTable();
    table.add(await framesAround(this.#address, query, signal));
    return table;
  }
}
