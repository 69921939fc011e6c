// An OME-TIFF file that grows: pages are appended, and only the end of the recording goes back to the first page (for the OME-XML) and to
// the last one (there is no next). A file that was left in the middle is ended the same way by `repairTiff`.
import { type FileHandle, open } from 'node:fs/promises';
import type { PixelFormat } from '../../core/frame.ts';
import { ascii } from '../../formats/bytes.ts';
import { omeXml } from '../../formats/ome.ts';
import { bigTiffHeader, descriptionEntry, type PageIdentity, pageHead } from '../../formats/tiff-pages.ts';
import { TiffReader } from '../../formats/tiff-read.ts';
import { fileBytes } from '../../native/file-bytes.ts';

/** What all pages of a recording share. */
export interface SeriesShape {
  readonly format: PixelFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly significantBits: number;
}

export interface SeriesLabel {
  readonly name: string;
  /** µm; `null` = not known. */
  readonly pixelSize: number | null;
}

/** A picture on its way into the file. */
export interface PageToWrite {
  readonly identity: PageIdentity;
  readonly shape: SeriesShape;
  /** As they lie in the file. */
  readonly bytes: Uint8Array;
  readonly deflated: boolean;
}

/** When the disk is full, so many pages at most are given up for the description. */
const MAX_GIVEN_UP = 16;
const PADDING = new Uint8Array(16);

interface KnownPage {
  readonly at: number;
  readonly nextAt: number;
  readonly id: number;
  readonly timestamp: number;
}

export class TiffRecording {
  readonly #handle: FileHandle;
  readonly #label: SeriesLabel;
  readonly #pages: KnownPage[] = [];
  #shape: SeriesShape | null = null;
  #descriptionAt = -1;
  #end: number;

  private constructor(handle: FileHandle, label: SeriesLabel, end: number) {
    this.#handle = handle;
    this.#label = label;
    this.#end = end;
  }

  /** Makes the file; it must not exist. */
  static async create(path: string, label: SeriesLabel): Promise<TiffRecording> {
    const handle = await open(path, 'wx+');
    const header = bigTiffHeader();
    const file = new TiffRecording(handle, label, header.length);
    try {
      await file.#write([header], 0);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return file;
  }

  /** Opens a file that was left in the middle: behind its last whole page. */
  static async resume(handle: FileHandle, label: SeriesLabel): Promise<{ file: TiffRecording; finished: boolean }> {
    const { size } = await handle.stat();
    const bytes = fileBytes(handle, size);
    const file = new TiffRecording(handle, label, bigTiffHeader().length);
    const reader = await TiffReader.open(bytes);
    let next = -1;
    let description: string | null = null;
    try {
      for await (const page of reader.pages()) {
        if (!page.identity) break;
        const { format, significantBits, id, timestamp } = page.identity;
        file.#shape ??= { format, width: page.width, height: page.height, significantBits };
        if (!file.#pages.length) {
          file.#descriptionAt = page.descriptionAt;
          description = page.description;
        }
        file.#pages.push({ at: file.#end, nextAt: page.nextAt, id, timestamp });
        file.#end = Math.ceil(page.end / 16) * 16;
        next = page.next;
      }
    } catch {
      // What lies behind the last whole page is what was being written.
      next = -1;
    }
    return { file, finished: next === 0 && description?.startsWith('<?xml') === true };
  }

  get frames(): number {
    return this.#pages.length;
  }

  get first(): { id: number; timestamp: number } | null {
    return this.#pages[0] ?? null;
  }

  get last(): { id: number; timestamp: number } | null {
    return this.#pages.at(-1) ?? null;
  }

  get shape(): SeriesShape | null {
    return this.#shape;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#end;
  }

  /** Appends pages. If the disk takes them only in part, none of them is in the file and the error of the system comes out. */
  async append(pages: readonly PageToWrite[]): Promise<void> {
    const parts: Uint8Array[] = [];
    const known: KnownPage[] = [];
    let at = this.#end;
    let descriptionAt = this.#descriptionAt;
    for (const { identity, shape, bytes, deflated } of pages) {
      const first = this.#pages.length + known.length === 0;
      this.#shape ??= shape;
      const { width, height } = shape;
      const { pixelSize } = this.#label;
      const page = pageHead({ identity, width, height, bytes: bytes.length, deflated, pixelSize, first }, at);
      parts.push(page.head, bytes);
      if (page.padding) parts.push(PADDING.subarray(0, page.padding));
      known.push({ at, nextAt: page.nextAt, id: identity.id, timestamp: identity.timestamp });
      if (first) descriptionAt = page.descriptionAt;
      at = page.end;
    }
    try {
      await this.#write(parts, this.#end);
    } catch (error) {
      await this.#handle.truncate(this.#end);
      throw error;
    }
    this.#descriptionAt = descriptionAt;
    this.#pages.push(...known);
    this.#end = at;
  }

  /** Writes the description, ends the chain of pages and closes the file. Without a page nothing is written. */
  async finish(): Promise<void> {
    try {
      if (this.#pages.length) await this.#describe();
      await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }

  async #describe(): Promise<void> {
    await this.#handle.truncate(this.#end);
    let xml = this.#xml();
    for (let givenUp = 0; ; givenUp++) {
      try {
        await this.#write([xml], this.#end);
        break;
      } catch (error) {
        await this.#handle.truncate(this.#end);
        if (this.#pages.length === 1 || givenUp === MAX_GIVEN_UP) {
          // Without a description it is still a TIFF that everybody reads.
          await this.#write([new Uint8Array(8)], this.#pages.at(-1)!.nextAt);
          throw error;
        }
        this.#end = this.#pages.pop()!.at;
        await this.#handle.truncate(this.#end);
        xml = this.#xml();
      }
    }
    await this.#write([descriptionEntry(xml.length, this.#end)], this.#descriptionAt);
    await this.#write([new Uint8Array(8)], this.#pages.at(-1)!.nextAt);
    this.#end += xml.length;
  }

  #xml(): Uint8Array {
    const ids = this.#pages.map((page) => page.id);
    const timestamps = this.#pages.map((page) => page.timestamp);
    return ascii(`${omeXml({ ...this.#label, ...this.#shape!, ids, timestamps })}\0`);
  }

  async #write(parts: readonly Uint8Array[], at: number): Promise<void> {
    let left = [...parts];
    while (left.length) {
      const { bytesWritten } = await this.#handle.writev(left, at);
      at += bytesWritten;
      left = behind(left, bytesWritten);
    }
  }
}

/** What is left when so many bytes are done: a disk may take less than it was given. */
function behind(parts: Uint8Array[], done: number): Uint8Array[] {
  let skip = 0;
  while (skip < parts.length && done >= parts[skip]!.length) done -= parts[skip++]!.length;
  const left = parts.slice(skip);
  if (done > 0) left[0] = left[0]!.subarray(done);
  return left;
}

/** What a repaired file holds. */
export interface RepairedFile {
  readonly frames: number;
  readonly bytes: number;
  readonly first: { readonly id: number; readonly timestamp: number } | null;
  readonly last: { readonly id: number; readonly timestamp: number } | null;
  readonly shape: SeriesShape | null;
}

/** Ends a file that was left in the middle. Whole files stay as they are. Throws `bad-picture` or the error of the system. */
export async function repairTiff(path: string, label: SeriesLabel): Promise<RepairedFile> {
  const handle = await open(path, 'r+');
  let resumed: Awaited<ReturnType<typeof TiffRecording.resume>>;
  try {
    resumed = await TiffRecording.resume(handle, label);
  } catch (error) {
    await handle.close();
    throw error;
  }
  const { file, finished } = resumed;
  const whole = finished ? (await handle.stat()).size : 0;
  if (finished) await handle.close();
  else await file.finish();
  const { frames, first, last, shape } = file;
  return { frames, bytes: finished ? whole : file.bytes, first, last, shape };
}
