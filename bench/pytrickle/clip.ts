// A clip of 720p30 as MPEG-TS, cut into pictures; and the pictures of a transport stream as they come in. Written apart from src/formats, so
// that it can judge it.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PACKET = 188;

/** A picture with everything that stands before it: PAT and PMT of a key frame. */
export interface Unit {
  /** 90 kHz. */
  readonly pts: number;
  /** A key frame with its PAT: a segment may begin here. */
  readonly begins: boolean;
  readonly bytes: Buffer;
}

/** FFmpeg's test picture with noise, H.264 without B-frames, a key frame a second; begins at 10 s. */
export async function makeClip(folder: string, seconds: number, bitrate = '3M', size = '1280x720'): Promise<Unit[]> {
  const file = join(folder, 'clip.ts');
  const input = `testsrc2=size=${size}:rate=30:duration=${seconds},noise=alls=12:allf=t,format=yuv420p`;
  const codec = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-bf',
    '0',
    '-g',
    '30',
    '-keyint_min',
    '30',
    '-sc_threshold',
    '0',
  ];
  const rate = ['-b:v', bitrate, '-maxrate', bitrate, '-bufsize', bitrate];
  const form = ['-f', 'mpegts', '-mpegts_flags', '+pat_pmt_at_frames', '-muxdelay', '0', '-muxpreload', '0', '-output_ts_offset', '10'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', input, ...codec, ...rate, ...form, file]);
  return unitsOf(await readFile(file));
}

function unitsOf(data: Buffer): Unit[] {
  const units: Unit[] = [];
  let start = 0;
  let pts: number | null = null;
  let begins = false;
  const close = (end: number) => {
    if (pts !== null) units.push({ pts, begins, bytes: data.subarray(start, end) });
    if (pts !== null) start = end;
    pts = null;
    begins = false;
  };
  for (let at = 0; at + PACKET <= data.length; at += PACKET) {
    const packet = data.subarray(at, at + PACKET);
    const found = ptsOf(packet);
    const pid = pidOf(packet);
    if (pid === 0 || found !== null) {
      if (pts !== null) close(at);
      if (found !== null) {
        pts = found;
        // The random access indicator: FFmpeg writes a PAT before other pictures, too.
        begins = (packet[3]! & 0x20) !== 0 && packet[4]! > 0 && (packet[5]! & 0x40) !== 0;
      }
    }
  }
  close(data.length);
  return units;
}

function pidOf(packet: Uint8Array): number {
  return ((packet[1]! & 0x1f) << 8) | packet[2]!;
}

/** PTS of a video PES that begins in this packet (ISO/IEC 13818-1, 2.4.3.7); `null` = none does. */
function ptsOf(packet: Uint8Array): number | null {
  if ((packet[1]! & 0x40) === 0) return null;
  let at = 4;
  if (packet[3]! & 0x20) at += 1 + packet[4]!;
  if (packet[at] !== 0 || packet[at + 1] !== 0 || packet[at + 2] !== 1 || (packet[at + 3]! & 0xf0) !== 0xe0) return null;
  if ((packet[at + 7]! & 0x80) === 0) return null;
  const b = packet.subarray(at + 9, at + 14);
  return ((b[0]! >> 1) & 7) * 2 ** 30 + (b[1]! << 22) + ((b[2]! >> 1) << 15) + (b[3]! << 7) + (b[4]! >> 1);
}

/** A picture that has come. Times are ms of `performance.now()`. */
export interface Arrival {
  readonly pts: number;
  readonly firstAt: number;
  /** Of its last packet. */
  lastAt: number;
  bytes: number;
}

/** Finds the pictures of one channel; each segment begins anew. */
export class Arrivals {
  readonly pictures: Arrival[] = [];
  /** Segments that did not begin with a PAT, bytes that were no packets. */
  readonly wrong: string[] = [];
  #rest = Buffer.alloc(0);
  #pid = -1;
  #first = true;

  segment(): void {
    if (this.#rest.length) this.wrong.push(`${this.#rest.length} bytes are left at the end of a segment`);
    this.#rest = Buffer.alloc(0);
    this.#first = true;
  }

  push(chunk: Uint8Array, at: number): void {
    const data = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    for (; from + PACKET <= data.length; from += PACKET) this.#packet(data.subarray(from, from + PACKET), at);
    this.#rest = Buffer.from(data.subarray(from));
  }

  #packet(packet: Buffer, at: number): void {
    if (packet[0] !== 0x47) return void this.wrong.push(`a packet begins with ${packet[0]}`);
    const pid = pidOf(packet);
    // FFmpeg says what the service is before the PAT.
    if (this.#first && pid !== 0 && pid !== 0x11) this.wrong.push(`a segment begins with PID ${pid}`);
    this.#first = false;
    const pts = ptsOf(packet);
    if (pts !== null) {
      this.#pid = pid;
      this.pictures.push({ pts, firstAt: at, lastAt: at, bytes: PACKET });
    } else if (pid === this.#pid && this.pictures.length) {
      const last = this.pictures.at(-1)!;
      last.lastAt = at;
      last.bytes += PACKET;
    }
  }
}
