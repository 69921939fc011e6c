// The settings of JPEG viewers, from the query of MJPEG and WebSocket addresses.
import { z } from 'zod';
import type { RenditionSettings } from '../encoders/encoder.ts';

/** JPEG quality where none is asked for. */
export const DEFAULT_QUALITY = 80;

export const PictureQuery = z.object({
  quality: z.coerce.number().int().min(5).max(100).default(DEFAULT_QUALITY),
  width: z.coerce.number().int().min(16).max(8192).optional(),
  fps: z.coerce.number().positive().max(240).optional(),
});

/** Settings of the rendition of uncompressed pictures that serves a query. */
export function rawSettings(query: Pick<z.infer<typeof PictureQuery>, 'width' | 'fps'>): Extract<RenditionSettings, { codec: 'raw' }> {
  return { codec: 'raw', width: query.width ?? null, fps: query.fps ?? null };
}

/** Settings of the rendition that serves a query. */
export function jpegSettings(query: z.infer<typeof PictureQuery>): Extract<RenditionSettings, { codec: 'jpeg' }> {
  return { codec: 'jpeg', quality: query.quality, width: query.width ?? null, fps: query.fps ?? null };
}
