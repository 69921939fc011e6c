// Gathers the PES packets (ISO/IEC 13818-1 2.4.3.6) of one track from its transport packets. One is handed out with its last transport
// packet: where its length is given, by that; else, once the track has shown that only the last packets of its PES have stuffing, by the
// stuffing; else by the start of the next one.
import { sameBytes } from './bytes.ts';

/** A PES packet without its header. Times in ticks of 90 kHz, 33 bits; `null` where it has none. */
export interface Pes {
  readonly pts: number | null;
  readonly dts: number | null;
  /** random_access_indicator of its first packet. */
  readonly key: boolean;
  readonly payload: Uint8Array;
}

/** What is left of a transport packet once its headers are read. */
export interface TsPayload {
  readonly start: boolean;
  readonly counter: number;
  readonly discontinuity: boolean;
  readonly randomAccess: boolean;
  readonly stuffed: boolean;
  readonly data: Uint8Array;
}

/** So often stuffing must have meant the end, and never anything else. */
const TRUST = 2;
const FIRST_BYTES = 16_384;

export class PesReader {
  #buffer = new Uint8Array(FIRST_BYTES);
  #length = 0;
  /** Bytes of the whole packet, 0 = not given. */
  #expected = 0;
  #open = false;
  #damaged = false;
  #key = false;
  #counter = -1;
  /** The newest packet had stuffing: does the next one begin a PES? */
  #stuffed = false;
  #ends = 0;
  #endsWrong = false;
  /** Handed out by its stuffing: nothing may follow. */
  #early = false;
  readonly #maxBytes: number;
  readonly #onPes: (pes: Pes) => void;
  readonly #onLost: () => void;
  readonly #onGap: () => void;

  /** @param on `pes`: a whole one. `lost`: one was begun and cannot be had. `gap`: transport packets are missing. */
  constructor(maxBytes: number, on: { pes: (pes: Pes) => void; lost: () => void; gap: () => void }) {
    this.#maxBytes = maxBytes;
    this.#onPes = on.pes;
    this.#onLost = on.lost;
    this.#onGap = on.gap;
  }

  push(packet: TsPayload): void {
    const { start, counter, data } = packet;
    if (counter === this.#counter && !packet.discontinuity && this.#repeats(data)) return;
    if (this.#counter >= 0 && counter !== ((this.#counter + 1) & 15) && !packet.discontinuity) {
      this.#onGap();
      this.damage();
    }
    this.#counter = counter;
    if (start) this.#start(packet);
    else this.#continue(data);
    this.#judge(packet.stuffed);
  }

  /** What has come of the open packet is not right. */
  damage(): void {
    this.#stuffed = false;
    if (this.#open) this.#damaged = true;
    else if (this.#early) {
      // What was handed out may have lacked its end.
      this.#early = false;
    }
  }

  /** End of the input, or of a segment: what is open is whole, unless its length says otherwise. Counters may begin anew. */
  flush(): void {
    this.#confirm(true);
    this.#end();
    this.#early = false;
    this.#counter = -1;
  }

  // The same packet may come twice (2.4.3.3), with the same counter.
  #repeats(data: Uint8Array): boolean {
    return this.#length >= data.length && sameBytes(data, this.#buffer.subarray(this.#length - data.length, this.#length));
  }

  #start({ data, randomAccess }: TsPayload): void {
    this.#confirm(true);
    this.#end();
    this.#early = false;
    this.#length = 0;
    if (data.length < 9 || data[0] !== 0 || data[1] !== 0 || data[2] !== 1) {
      this.#onLost();
      return;
    }
    const length = (data[4]! << 8) | data[5]!;
    this.#expected = length ? length + 6 : 0;
    this.#open = true;
    this.#damaged = false;
    this.#key = randomAccess;
    this.#append(data);
  }

  #continue(data: Uint8Array): void {
    this.#confirm(false);
    if (this.#early) {
      this.#early = false;
      this.#onLost();
    }
    if (this.#open) this.#append(data);
  }

  #append(data: Uint8Array): void {
    if (this.#damaged) return;
    const length = this.#length + data.length;
    if (length > this.#maxBytes) {
      this.#damaged = true;
      return;
    }
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(data, this.#length);
    this.#length = length;
    if (this.#expected && length >= this.#expected) this.#end();
  }

  #judge(stuffed: boolean): void {
    this.#stuffed = stuffed;
    if (!stuffed || !this.#open || this.#expected || this.#endsWrong || this.#ends < TRUST) return;
    this.#early = !this.#damaged;
    this.#end();
  }

  /** Whether a packet with stuffing was the last one of its PES. */
  #confirm(end: boolean): void {
    if (this.#stuffed && this.#expected === 0) {
      if (end) this.#ends++;
      else this.#endsWrong = true;
    }
    this.#stuffed = false;
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    const end = this.#expected ? Math.min(this.#expected, this.#length) : this.#length;
    const pes = this.#damaged || this.#length < this.#expected ? null : readPes(this.#buffer.subarray(0, end), this.#key);
    if (pes) this.#onPes(pes);
    else this.#onLost();
  }
}

/** Reads a whole PES packet; `null` if its header is wrong. The payload is a copy. */
function readPes(bytes: Uint8Array, key: boolean): Pes | null {
  // '10' begins the header of streams with times (2.4.3.7).
  if (bytes.length < 9 || (bytes[6]! & 0xc0) !== 0x80) return null;
  const start = 9 + bytes[8]!;
  if (start > bytes.length) return null;
  const flags = bytes[7]! >> 6;
  const pts = flags & 2 && start >= 14 ? readTime(bytes, 9) : null;
  const dts = flags === 3 && start >= 19 ? readTime(bytes, 14) : pts;
  return { pts, dts, key, payload: bytes.slice(start) };
}

function readTime(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = (bytes[at + 1]! << 7) | (bytes[at + 2]! >> 1);
  const low = (bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1);
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
