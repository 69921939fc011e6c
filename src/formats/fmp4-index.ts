// The fragments of an fMP4 file that this program wrote, with the identity of each frame: what a playback needs, and where a file that was
// left in the middle is whole.
import { readIdentities } from './fmp4-read.ts';
import type { TiffBytes } from './tiff-read.ts';

/** A picture of the file. */
export interface IndexedFrame {
  /** Presentation time in the file, 90 kHz ticks. */
  readonly pts: number;
  readonly id: number;
  /** Capture time, µs. */
  readonly timestamp: number;
  readonly repeat: boolean;
}

/** A `moof` with its `mdat` is at most this long; what claims more is damaged. */
const MAX_FRAGMENT = 256 * 2 ** 20;

/** The frames with an identity, fragment by fragment, and where each fragment ends. Ends at the first that is not whole. */
export async function* readFragments(file: TiffBytes): AsyncGenerator<{ end: number; frames: IndexedFrame[] }> {
  let start = -1;
  for (let at = 0; at + 8 <= file.size; ) {
    const head = await file.read(at, 16);
    if (head.length < 8) return;
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    let size = view.getUint32(0);
    if (size === 1 && head.length === 16) size = Number(view.getBigUint64(8));
    if (size < 8 || at + size > file.size) return;
    const type = String.fromCharCode(head[4]!, head[5]!, head[6]!, head[7]!);
    if (type === 'moof') start = at;
    at += size;
    if (type !== 'mdat' || start < 0) continue;
    if (at - start <= MAX_FRAGMENT) {
      const fragment = await file.read(start, at - start);
      const frames = readIdentities(fragment).map(({ pts, identity }) => ({
        pts,
        id: identity.id,
        timestamp: identity.timestamp,
        repeat: identity.repeat,
      }));
      yield { end: at, frames };
    }
    start = -1;
  }
}
