// Whether a disk has room for a recording: other programs, and this one's own store, need some too.
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesText } from '../../core/bytes-text.ts';

/** Why the recording in `file` must end, in words; `null` = `minFree` bytes are free. A disk that cannot be asked has room until it says no. */
export async function noRoom(file: string, minFree: number): Promise<string | null> {
  try {
    const { bavail, bsize } = await statfs(dirname(file));
    const free = bavail * bsize;
    if (free >= minFree) return null;
    return `the disk has only ${bytesText(free)} left; ${bytesText(minFree)} must stay free (recordingsMinFree)`;
  } catch {
    return null;
  }
}
