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
  readonly #packets: ({ packet: SentPacket; at: number; againAt: number } | undefined)[] = new Array(PACKETS);
  /** Asked for, but no longer kept or just sent. */
  missed = 0;

  add(packet: SentPacket, now: number): void {
    this.#packets[packet.sequence & (PACKETS - 1)] = { packet, at: now, againAt: Number.NEGATIVE_INFINITY };
  }

  /** The packet to send again; `null` if there is none or it was sent a moment ago. */
  take(sequence: number, now: number): SentPacket | null {
    const kept = this.#packets[sequence & (PACKETS - 1)];
    if (kept?.packet.sequence !== sequence || now - kept.at > MAX_AGE_MS || now - kept.againAt < AGAIN_MS) {
      this.missed++;
      return null;
    }
    kept.againAt = now;
    return kept.packet;
  }

  /** The packet if it is still kept. */
  peek(sequence: number): SentPacket | null {
    const kept = this.#packets[sequence & (PACKETS - 1)];
    return kept?.packet.sequence === sequence ? kept.packet : null;
  }

  /** What came before means nothing any more: the picture begins anew. */
  clear(): void {
    this.#packets.fill(undefined);
  }
}
