// A multi-page TIFF as a clip: our own recordings with ids and times, and plain ones of others.
import type { FileHandle } from 'node:fs/promises';
import { readPlaneTimes } from '../../formats/ome.ts';
import { readPixels, TiffReader } from '../../formats/tiff-read.ts';
import { fileBytes, inflated } from '../../native/file-bytes.ts';
import type { Clip, ClipFrame } from './clip.ts';

/** Pages of a foreign OME-TIFF that are counted before it is played, to see whether the times fit. */
const MAX_TIMED = 200_000;

/** Takes the handle over. `fps`: of files that say nothing about times. Throws `bad-picture`. */
export async function openTiffClip(handle: FileHandle, fps: number): Promise<Clip<ClipFrame>> {
  const file = fileBytes(handle, (await handle.stat()).size);
  const reader = await TiffReader.open(file);
  const times = await timesOf(reader);
  const frames = async function* (): AsyncGenerator<ClipFrame> {
    let index = 0;
    for await (const page of reader.pages()) {
      const { format, width, height, identity } = page;
      yield {
        format,
        width,
        height,
        significantBits: identity?.significantBits ?? 0,
        time: identity ? identity.timestamp : times ? times[index]! * 1e6 : (index * 1e6) / fps,
        original: identity && { id: identity.id, timestamp: identity.timestamp },
        read: (pixels) => readPixels(file, page, inflated, pixels),
      };
      index++;
    }
  };
  return { frames, [Symbol.asyncDispose]: () => handle.close() };
}

/** Seconds of each page as OME-XML of others tells them; they must not fall. */
async function timesOf(reader: TiffReader): Promise<number[] | null> {
  let pages = 0;
  let xml: string | null = null;
  for await (const { identity, description } of reader.pages()) {
    if (pages === 0) {
      if (identity || !description?.includes('DeltaT=')) return null;
      xml = description;
    }
    if (++pages > MAX_TIMED) return null;
  }
  const times = xml === null ? null : readPlaneTimes(xml, pages);
  return times?.every((time, i) => i === 0 || time > times[i - 1]!) ? times : null;
}
