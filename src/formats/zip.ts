// ZIP archives (PKWARE APPNOTE 6.3), written from front to back: heads, descriptors and the directory; the contents go between them.
// Without ZIP64: nothing may lie beyond 4 GB.
import { concatBytes } from './bytes.ts';

/** Bytes that an archive without ZIP64 may have. */
export const ZIP_LIMIT = 0xffff_ffff;

const STORED = 0;
const DEFLATED = 8;
/** Sizes and checksum follow behind the content (4.4.4 bit 3). */
const DESCRIPTOR = 0x0008;
const UTF8 = 0x0800;

/** Checksum and length of a content. */
export interface ZipSums {
  /** CRC-32. */
  readonly crc: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes in the archive: the same when stored. */
  readonly packed: number;
}

export interface ZipEntry {
  readonly name: string;
  /** ms UTC. */
  readonly modified: number;
  /** `stored`: its sums are known before it is written. `deflated`: they follow it as a descriptor. */
  readonly method: 'stored' | 'deflated';
}

/** An entry that was written. */
export interface ZipWritten extends ZipEntry, ZipSums {
  /** Where its head lies. */
  readonly offset: number;
}

function fields(...values: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, [length]) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [length, value] of values) {
    if (length === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += length;
  }
  return bytes;
}

/** What head and directory have in common: version, flags, method, time, sums, lengths of name and extra field (4.4). */
function common(entry: ZipEntry, sums: ZipSums, name: Uint8Array, extra: Uint8Array): Uint8Array {
  const date = new Date(entry.modified);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  const deflated = entry.method === 'deflated';
  return fields(
    [2, 20],
    [2, UTF8 | (deflated ? DESCRIPTOR : 0)],
    [2, deflated ? DEFLATED : STORED],
    [2, time],
    [2, day],
    [4, sums.crc],
    [4, sums.packed],
    [4, sums.size],
    [2, name.length],
    [2, extra.length],
  );
}

/** Extended timestamp: dates of ZIP have no time zone, this one is UTC. */
function timestamp(entry: ZipEntry): Uint8Array {
  return concatBytes([fields([2, 0x5455], [2, 5]), Uint8Array.of(1), fields([4, Math.floor(entry.modified / 1000)])]);
}

/** What stands in front of a content (4.3.7). `sums` of a deflated one are not known yet. */
export function zipHead(entry: ZipEntry, sums: ZipSums = { crc: 0, size: 0, packed: 0 }): Uint8Array {
  const name = new TextEncoder().encode(entry.name);
  const extra = timestamp(entry);
  return concatBytes([fields([4, 0x04034b50]), common(entry, sums, name, extra), name, extra]);
}

/** What stands behind a deflated content (4.3.9). */
export function zipDescriptor({ crc, packed, size }: ZipSums): Uint8Array {
  return fields([4, 0x08074b50], [4, crc], [4, packed], [4, size]);
}

/** The end of the archive (4.3.12, 4.3.16). `at`: where it begins. */
export function zipDirectory(entries: readonly ZipWritten[], at: number): Uint8Array {
  const rows = entries.map((entry) => {
    const name = new TextEncoder().encode(entry.name);
    const extra = timestamp(entry);
    const head = concatBytes([fields([4, 0x02014b50], [2, 20]), common(entry, entry, name, extra)]);
    return concatBytes([head, fields([2, 0], [2, 0], [2, 0], [4, 0], [4, entry.offset]), name, extra]);
  });
  const directory = concatBytes(rows);
  const { length } = entries;
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, length], [2, length], [4, directory.length], [4, at], [2, 0]);
  return concatBytes([directory, end]);
}
