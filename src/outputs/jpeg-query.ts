// The settings of JPEG viewers, from the query of MJPEG and WebSocket addresses.
import { z } from 'zod';
import type { RenditionSettings } from '../encoders/encoder.ts';

/** JPEG quality where none is asked for. */
export const DEFAULT_QUALITY = 80;

export const JpegQuery = z.object({
  quality: z.coerce.number().int().min(5).max(100).default(DEFAULT_QUALITY),
  width: z.coerce.number().int().min(16).max(8192).optional(),
  fps: z.coerce.number().positive().max(240).optional(),
});

/** Settings of the rendition that serves a query. */
export function jpegSettings(query: z.infer<typeof JpegQuery>): Extract<RenditionSettings, { codec: 'jpeg' }> {
  return { codec: 'jpeg', quality: query.quality, width: query.width ?? null, fps: query.fps ?? null };
}
