// Lossless compression of pictures: Zstandard (RFC 8878) by Node's zlib, LZ4 blocks and frames by lz4-napi. All block the calling thread.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import lz4 from 'lz4-napi';

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One Zstd frame which says how long its content is. `level` 1 to 19. */
export function compressZstd(bytes: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    // Browsers' decoders refuse a frame without its content size.
    pledgedSrcSize: bytes.length,
    chunkSize: 1 << 20,
  });
}

/** Undoes `compressZstd`; throws if it is broken or gives more than `limit` bytes. */
export function decompressZstd(bytes: Uint8Array, limit: number): Uint8Array {
  return zstdDecompressSync(bytes, { maxOutputLength: limit });
}

/** An LZ4 block behind its content's length (u32, little-endian), as Python's `lz4.block` writes it. */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  return lz4.compressSync(bufferOf(bytes));
}

/** A whole LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) of independent blocks, as `lz4 -d` reads it. */
export function compressLz4Frame(bytes: Uint8Array): Uint8Array {
  return lz4.compressFrameSync(bufferOf(bytes));
}
