// Files as the parsers of formats read them.
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';

/** An open file, read piece by piece; `size` is what it has now. */
export function fileBytes(handle: FileHandle, size: number): { size: number; read(offset: number, length: number): Promise<Uint8Array> } {
  return {
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
  };
}

const inflateAsync: (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer> = promisify(inflate);
const deflateAsync: (bytes: Uint8Array, options: { level: number }) => Promise<Buffer> = promisify(deflate);

/** Undoes zlib on libuv's pool; throws if it is broken or gives more than `limit` bytes. */
export async function inflated(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  return await inflateAsync(bytes, { maxOutputLength: Math.max(1, limit) });
}

/** zlib at its fastest, on libuv's pool. */
export async function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  return await deflateAsync(bytes, { level: 1 });
}
