// Which rows of a long list are in view. Pure.

export interface RowsView {
  readonly count: number;
  readonly rowHeight: number;
  /** The row below which something of the height `extra` is open; -1: none. */
  readonly openAt: number;
  readonly extra: number;
  /** How far it is scrolled, and how high the view is. */
  readonly top: number;
  readonly height: number;
}

/** Rows drawn beyond the view, so that nothing flashes while scrolling. */
const SPARE = 6;

/** First row and the one behind the last. */
export function visibleRows({ count, rowHeight, openAt, extra, top, height }: RowsView): { first: number; end: number } {
  const rowAt = (y: number) => {
    if (openAt < 0 || y < (openAt + 1) * rowHeight) return Math.floor(y / rowHeight);
    return y < (openAt + 1) * rowHeight + extra ? openAt : Math.floor((y - extra) / rowHeight);
  };
  const clamp = (at: number) => Math.min(count, Math.max(0, at));
  const first = clamp(rowAt(Math.max(0, top)) - SPARE);
  return { first, end: Math.max(first, clamp(rowAt(top + height) + 1 + SPARE)) };
}
