// What stands side by side, as one word of the address: `cam.lossless~cam.auto`. Names of streams may hold dots, the ways do not. Pure.
export const COMPARE_WAYS = ['auto', 'lossless', 'webrtc', 'h264', 'jpeg'] as const;
export type CompareWay = (typeof COMPARE_WAYS)[number];

export interface CompareSide {
  readonly stream: string;
  readonly way: CompareWay;
}

/** Two sides: what is asked for, filled up from the streams that are there (the second one beside the first, or the first in two ways). */
export function readSides(asked: string, names: readonly string[]): [CompareSide, CompareSide] | null {
  const found = asked.split('~').flatMap((part): CompareSide[] => {
    const dot = part.lastIndexOf('.');
    const way = COMPARE_WAYS.find((each) => each === part.slice(dot + 1));
    if (!part) return [];
    return [dot > 0 && way ? { stream: part.slice(0, dot), way } : { stream: part, way: 'auto' }];
  });
  const first = found[0] ?? (names[0] ? { stream: names[0], way: 'lossless' as const } : null);
  if (!first) return null;
  const other = names.find((name) => name !== first.stream);
  const second =
    found[1] ??
    (found[0] || !other ? { stream: first.stream, way: first.way === 'auto' ? 'lossless' : 'auto' } : { stream: other, way: first.way });
  return [first, second];
}

export function writeSides(sides: readonly CompareSide[]): string {
  return sides.map(({ stream, way }) => `${stream}.${way}`).join('~');
}
