// ID3v2.4 tag with one user text frame (TXXX): the form in which players hand timed metadata to a page (hls.js, Safari, ExoPlayer).
import { ascii, concatBytes } from './bytes.ts';

const HEAD = 10;
const UTF8 = 3;

/** Sizes of ID3v2.4 (3.1): four times seven bits. */
function synchsafe(value: number): Uint8Array {
  return Uint8Array.of((value >>> 21) & 0x7f, (value >>> 14) & 0x7f, (value >>> 7) & 0x7f, value & 0x7f);
}

function readSynchsafe(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 128 + (bytes[at + i]! & 0x7f);
  return value;
}

/** A tag with one TXXX frame in UTF-8 (ID3v2.4 frames 4.2.6). `description` has no zero character; the text less than 256 MB. */
export function writeId3Text(description: string, text: string): Uint8Array {
  const encoder = new TextEncoder();
  const body = concatBytes([Uint8Array.of(UTF8), encoder.encode(description), Uint8Array.of(0), encoder.encode(text)]);
  const frame = concatBytes([ascii('TXXX'), synchsafe(body.length), Uint8Array.of(0, 0), body]);
  return concatBytes([ascii('ID3'), Uint8Array.of(4, 0, 0), synchsafe(frame.length), frame]);
}

/** Text of the TXXX frame in UTF-8 with this description; `null` if the tag has none. Never throws on foreign bytes. */
export function readId3Text(tag: Uint8Array, description: string): string | null {
  if (tag.length < HEAD || tag[0] !== 0x49 || tag[1] !== 0x44 || tag[2] !== 0x33 || tag[3] !== 4) return null;
  const end = Math.min(tag.length, HEAD + readSynchsafe(tag, 6));
  const decoder = new TextDecoder();
  for (let at = HEAD; at + HEAD <= end; ) {
    const size = readSynchsafe(tag, at + 4);
    const body = tag.subarray(at + HEAD, Math.min(end, at + HEAD + size));
    const zero = body.indexOf(0, 1);
    const name = decoder.decode(tag.subarray(at, at + 4));
    if (name === 'TXXX' && body[0] === UTF8 && zero > 0 && decoder.decode(body.subarray(1, zero)) === description) {
      return decoder.decode(body.subarray(zero + 1));
    }
    at += HEAD + size;
  }
  return null;
}
