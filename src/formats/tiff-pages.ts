// BigTIFF that grows page by page: each page is its directory, then its pixels, and says where the next one will begin. Nothing that was
// written is touched while it grows, so a file that was cut off loses its last page and no other.
import type { PixelFormat } from '../core/frame.ts';
import { COMPRESSION, directoryBytes, entryOffset, nextOffset, pageFields, TAGS, writeDirectory } from './tiff-directory.ts';

/** Bytes of the header; the first page lies behind it. */
export const BIGTIFF_HEADER_BYTES = 16;

/** "II", 43, offsets of 8 bytes, place of the first directory. */
export function bigTiffHeader(): Uint8Array {
  return Uint8Array.of(0x49, 0x49, 43, 0, 8, 0, 0, 0, BIGTIFF_HEADER_BYTES, 0, 0, 0, 0, 0, 0, 0);
}

/** What ImageDescription says until the recording is finished. */
export const UNFINISHED = 'Sluice recording, not finished';

/** What a frame is, as every page says it. */
export interface PageIdentity {
  readonly id: number;
  /** Capture time, µs. */
  readonly timestamp: number;
  readonly format: PixelFormat;
  readonly significantBits: number;
}

export interface NewPage {
  readonly identity: PageIdentity;
  readonly width: number;
  readonly height: number;
  /** Bytes of the pixels as they will lie in the file. */
  readonly bytes: number;
  readonly deflated: boolean;
  /** µm; `null` = not known. */
  readonly pixelSize: number | null;
  /** It has room for a description, which only the first page needs. */
  readonly first: boolean;
}

export interface PageHead {
  /** The pixels follow it. */
  readonly head: Uint8Array;
  /** Zeros behind the pixels. */
  readonly padding: number;
  /** Where the next page begins. */
  readonly end: number;
  /** Where this page says where the next one begins: 8 bytes. */
  readonly nextAt: number;
  /** Where the number of bytes and the place of the description stand: 16 bytes; -1 = nowhere. */
  readonly descriptionAt: number;
}

/** Writes the head of a page that begins at `at` in the file. */
export function pageHead(page: NewPage, at: number): PageHead {
  const { identity, width, height, bytes, deflated, pixelSize, first } = page;
  const fieldsWith = (offset: number) =>
    pageFields(
      {
        format: identity.format,
        width,
        height,
        strip: { offset, bytes },
        compression: deflated ? COMPRESSION.deflate : COMPRESSION.none,
        description: first ? UNFINISHED : undefined,
        identity: JSON.stringify(identity),
        pixelSize,
      },
      true,
    );
  const draft = fieldsWith(0);
  const pixels = at + directoryBytes(draft, true);
  const padding = -bytes & 15;
  const end = pixels + bytes + padding;
  const description = entryOffset(draft, TAGS.description, true);
  return {
    head: writeDirectory(fieldsWith(pixels), { big: true, at, next: end }),
    padding,
    end,
    nextAt: at + nextOffset(draft, true),
    descriptionAt: description < 0 ? -1 : at + description + 4,
  };
}

/** Number of bytes and place of a description, as they stand in the entry of the first page. */
export function descriptionEntry(bytes: number, place: number): Uint8Array {
  const entry = new Uint8Array(16);
  const view = new DataView(entry.buffer);
  view.setBigUint64(0, BigInt(bytes), true);
  view.setBigUint64(8, BigInt(place), true);
  return entry;
}
