// The settings of JPEG viewers, from the query of MJPEG and WebSocket addresses.
import { z } from 'zod';
import { Crop, LosslessOptions, type LosslessRequest } from '../api/schema.ts';
import type { RenditionSettings } from '../encoders/encoder.ts';

/** JPEG quality where none is asked for. */
export const DEFAULT_QUALITY = 80;

/** What is left out comes from the params of live views. */
export const PictureQuery = z.object({
  quality: z.coerce.number().int().min(5).max(100).optional(),
  width: z.coerce.number().int().min(16).max(8192).optional(),
  fps: z.coerce.number().positive().max(240).optional(),
});

const Flag = z.enum(['0', '1', 'false', 'true']).transform((value) => value === '1' || value === 'true');

/** `512` or `x,y,width,height`. */
const CropText = z
  .string()
  .regex(/^\d+(,\d+,\d+,\d+)?$/, 'expected the side of a square in the middle, or x,y,width,height, in pixels')
  .transform((text) => {
    const [x, y, width, height] = text.split(',').map(Number);
    return y === undefined ? x! : { x: x!, y, width: width!, height: height! };
  })
  .pipe(Crop);

/** Without the keys that nobody has given a value. */
export function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** What a lossless address may ask for beside `fps`. */
export const LosslessQuery = z.object({
  compression: LosslessOptions.shape.compression.optional(),
  level: z.coerce.number().pipe(LosslessOptions.shape.level).optional(),
  filter: Flag.optional(),
  crop: CropText.optional(),
  subsample: z.coerce.number().pipe(LosslessOptions.shape.subsample).optional(),
  binning: Flag.optional(),
});

/** Settings of the rendition that serves a viewer of lossless pictures. */
export function losslessSettings(
  asked: LosslessRequest & { readonly fps?: number | undefined },
): Extract<RenditionSettings, { codec: 'lossless' }> {
  const compression = asked.compression ?? 'zstd';
  return {
    codec: 'lossless',
    compression,
    // What changes nothing must not make another rendition.
    level: compression === 'zstd' && asked.level !== undefined && asked.level !== 1 ? asked.level : null,
    filter: compression !== 'none' && (asked.filter ?? true),
    crop: asked.crop ?? null,
    step: asked.subsample ?? 1,
    binning: (asked.subsample ?? 1) > 1 && (asked.binning ?? false),
    fps: asked.fps ?? null,
  };
}

/** What is asked for; `null` = as captured. */
export interface PictureWishes {
  readonly quality?: number | undefined;
  readonly width?: number | null | undefined;
  readonly fps?: number | null | undefined;
}

/** Settings of the rendition of uncompressed pictures that serves a query. */
export function rawSettings(query: Pick<PictureWishes, 'width' | 'fps'>): Extract<RenditionSettings, { codec: 'raw' }> {
  return { codec: 'raw', width: query.width ?? null, fps: query.fps ?? null };
}

/** Settings of the rendition that serves a query. */
export function jpegSettings(query: PictureWishes): Extract<RenditionSettings, { codec: 'jpeg' }> {
  return { codec: 'jpeg', quality: query.quality ?? DEFAULT_QUALITY, width: query.width ?? null, fps: query.fps ?? null };
}
