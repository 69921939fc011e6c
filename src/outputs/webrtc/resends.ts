// Packets that a viewer may ask for again (NACK, RFC 4585 6.2.1): the newest ones, within limits of number and age. Payloads are shared by all
// viewers, so what is kept here is little more than references.

/** A packet that was sent. */
export interface SentPacket {
  /** 16 bits. */
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** 32 bits. */
  readonly rtpTime: number;
  readonly marker: boolean;
}

/** A power of two: about four seconds of 2.5 Mbit/s. */
const PACKETS = 1024;
/** What is older comes too late for any picture. */
const MAX_AGE_MS = 2000;
/** A packet that was sent again is on its way: the same is asked for twice. */
const AGAIN_MS = 10;

export class Resends {
  // Columns, not rows: an object for each packet and viewer would be most of the work of the garbage collector.
  readonly #payloads: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(PACKETS).fill(undefined);
  readonly #sequences = new Uint16Array(PACKETS);
  readonly #rtpTimes = new Uint32Array(PACKETS);
  readonly #markers = new Uint8Array(PACKETS);
  readonly #at = new Float64Array(PACKETS);
  readonly #againAt = new Float64Array(PACKETS);
  /** Asked for, but no longer kept or just sent. */
  missed = 0;

  add(sequence: number, payload: Uint8Array, rtpTime: number, marker: boolean, now: number): void {
    const i = sequence & (PACKETS - 1);
    this.#payloads[i] = payload;
    this.#sequences[i] = sequence;
    this.#rtpTimes[i] = rtpTime;
    this.#markers[i] = marker ? 1 : 0;
    this.#at[i] = now;
    this.#againAt[i] = Number.NEGATIVE_INFINITY;
  }

  /** The packet to send again; `null` if there is none or it was sent a moment ago. */
  take(sequence: number, now: number): SentPacket | null {
    const i = sequence & (PACKETS - 1);
    const packet = this.peek(sequence);
    if (!packet || now - this.#at[i]! > MAX_AGE_MS || now - this.#againAt[i]! < AGAIN_MS) {
      this.missed++;
      return null;
    }
    this.#againAt[i] = now;
    return packet;
  }

  /** The packet if it is still kept. */
  peek(sequence: number): SentPacket | null {
    const i = sequence & (PACKETS - 1);
    const payload = this.#payloads[i];
    if (!payload || this.#sequences[i] !== sequence) return null;
    return { sequence, payload, rtpTime: this.#rtpTimes[i]!, marker: this.#markers[i] === 1 };
  }

  /** What came before means nothing any more: the picture begins anew. */
  clear(): void {
    this.#payloads.fill(undefined);
  }
}
