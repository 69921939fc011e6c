// Decodes lossless pictures beside the page's thread.
import { ZSTDDecoder } from 'zstddec';
import { readFrameHeader } from '../formats/frame-header.ts';
import { restorePixels } from '../formats/lossless.ts';

/** What the page sends: a whole message. */
export interface DecodeRequest {
  readonly id: number;
  readonly message: Uint8Array<ArrayBuffer>;
}

/** Tightly packed pixels and the time that they took, or why there are none. */
export type DecodeAnswer =
  | { readonly id: number; readonly pixels: Uint8Array<ArrayBuffer>; readonly ms: number }
  | { readonly id: number; readonly problem: string };

interface WorkerScope {
  onmessage: ((event: MessageEvent<DecodeRequest>) => void) | null;
  postMessage(answer: DecodeAnswer, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
const zstd = new ZSTDDecoder();
const ready = zstd.init();

scope.onmessage = async ({ data: { id, message } }) => {
  try {
    await ready;
    const started = performance.now();
    const header = readFrameHeader(message);
    const payload = message.subarray(header.headerBytes, header.headerBytes + header.payloadBytes);
    const found = restorePixels(header, payload, (bytes, size) => zstd.decode(bytes, size));
    // Memory of its own and at an address where 16-bit and float samples may lie.
    const pixels =
      found.byteLength === found.buffer.byteLength && found.buffer instanceof ArrayBuffer
        ? (found as Uint8Array<ArrayBuffer>)
        : found.slice();
    scope.postMessage({ id, pixels, ms: performance.now() - started }, [pixels.buffer]);
  } catch (error) {
    scope.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
};
