// Pictures at full depth without loss over WebSocket, decoded in a worker and shown by window and level.
import { DeepCanvas } from './deep-canvas.ts';
import { keptLook } from './kept-look.ts';
import { LosslessDecoder } from './lossless-decoder.ts';
import { type PicturePainter, PictureTransport } from './pictures.ts';
import type { Transport, TransportContext } from './transport.ts';

/** What the `quality` attribute may be here. */
const COMPRESSIONS: readonly string[] = ['zstd', 'lz4', 'none'];

/** A transport that keeps the values of its picture. */
export async function openLossless(context: TransportContext): Promise<Transport> {
  const deep = new DeepCanvas(context.decoder);
  // From the first picture on: what people change it with is loaded later.
  deep.settings = keptLook(context.address.name).look;
  return new LosslessTransport(context, deep);
}

class LosslessTransport extends PictureTransport {
  readonly deep: DeepCanvas;

  constructor(context: TransportContext, deep: DeepCanvas) {
    const compression = COMPRESSIONS.includes(context.quality) ? context.quality : undefined;
    super(context, () => deep.canvas, openPainter(deep), { codec: 'lossless', compression });
    this.deep = deep;
  }
}

function openPainter(deep: DeepCanvas): PicturePainter {
  const decoder = new LosslessDecoder();
  const time = (ms: number | null) => (ms === null ? '' : ` ${ms.toFixed(ms < 9.95 ? 1 : 0)} ms`);
  return {
    get name() {
      return `worker${time(decoder.decodeMs)}, ${deep.renderer}${time(deep.drawMs)}`;
    },
    async paint({ format, width, height, significantBits, headerBytes }, payload, wanted) {
      // The whole message lies in front of the payload.
      const message = new Uint8Array(payload.buffer, payload.byteOffset - headerBytes, payload.byteLength + headerBytes);
      const data = await decoder.decode(message);
      if (!wanted()) return false;
      deep.paint({ format, width, height, significantBits, data });
      return true;
    },
    close: () => {
      decoder.close();
      deep.close();
    },
  };
}
