// JPEG over WebSocket; the server lowers quality, size and rate to what the way carries.
import { openPainter } from './jpeg-painter.ts';
import { PictureTransport } from './pictures.ts';
import { fixedQuality } from './quality-choice.ts';
import type { Transport, TransportContext } from './transport.ts';

/** Why it cannot be used here, as a clause. */
export function jpegUnusable(): string | null {
  if (!('WebSocket' in globalThis)) return 'this browser has no WebSocket';
  return 'createImageBitmap' in globalThis ? null : 'this browser cannot decode JPEG for a canvas';
}

export async function openJpeg(context: TransportContext): Promise<Transport> {
  const canvas = document.createElement('canvas');
  const quality = fixedQuality(context.quality);
  const settings = quality === null ? { quality: 90, adapt: 'auto' } : { quality };
  return new PictureTransport(context, () => canvas, openPainter(canvas), { codec: 'jpeg', ...settings });
}
