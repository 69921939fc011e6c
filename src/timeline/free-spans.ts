// Which parts of a span of time nobody protects.

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Parts [start, end) of [from, to) that no protected span [start, end] touches, in order. */
export function freeSpans(from: number, to: number, protectedSpans: readonly Span[]): Span[] {
  const free: Span[] = [];
  let at = from;
  for (const { start, end } of [...protectedSpans].sort((a, b) => a.start - b.start)) {
    if (at >= to) break;
    if (start > at) free.push({ start: at, end: Math.min(start, to) });
    at = Math.max(at, end + 1);
  }
  if (at < to) free.push({ start: at, end: to });
  return free;
}
