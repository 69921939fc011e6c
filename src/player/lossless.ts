// Pictures at full depth without loss over WebSocket, decoded in a worker and shown by window and level.
import { DeepCanvas } from './deep-canvas.ts';
import { LosslessDecoder } from './lossless-decoder.ts';
import { type PicturePainter, PictureTransport } from './pictures.ts';
import type { Transport, TransportContext } from './transport.ts';

/** A transport that keeps the values of its picture. */
export async function openLossless(context: TransportContext): Promise<Transport> {
  const deep = new DeepCanvas(document.createElement('canvas'));
  return new LosslessTransport(context, deep);
}

class LosslessTransport extends PictureTransport {
  readonly deep: DeepCanvas;

  constructor(context: TransportContext, deep: DeepCanvas) {
    super(context, deep.canvas, openPainter(deep), { codec: 'lossless' });
    this.deep = deep;
  }
}

function openPainter(deep: DeepCanvas): PicturePainter {
  const decoder = new LosslessDecoder();
  return {
    name: 'worker, canvas',
    async paint({ format, width, height, significantBits, headerBytes }, payload, wanted) {
      // The whole message lies in front of the payload.
      const message = new Uint8Array(payload.buffer, payload.byteOffset - headerBytes, payload.byteLength + headerBytes);
      const data = await decoder.decode(message);
      if (!wanted()) return false;
      deep.paint({ format, width, height, significantBits, data });
      return true;
    },
    close: () => decoder.close(),
  };
}
