// Packets of one sender in the order of their numbers: waits a little for what is missing, and says what to ask for again.
import type { RtpPacket } from './rtp.ts';

/** Packets that may wait for a missing one. */
const MAX_WAITING = 128;
/** How long a missing one is waited for at most, ms: some round trips. */
const WAIT_MS = 150;

export interface Ordered {
  /** In order; a hole in the numbers means that the missing packets were given up. */
  readonly packets: readonly RtpPacket[];
  /** Numbers to ask for again: missing, and not asked for before. */
  readonly missing: readonly number[];
}

const distance = (from: number, to: number) => (to - from) & 0xffff;

export class RtpOrder {
  readonly #waitMs: number;
  #next: number | null = null;
  readonly #waiting = new Map<number, { packet: RtpPacket; at: number }>();
  readonly #asked = new Set<number>();

  /** @param waitMs how long a missing one is waited for */
  constructor(waitMs = WAIT_MS) {
    this.#waitMs = waitMs;
  }

  /** @param now ms, monotonic */
  push(packet: RtpPacket, now: number): Ordered {
    const { sequence } = packet;
    this.#next ??= sequence;
    const ahead = distance(this.#next, sequence);
    // Late, or a second time.
    if (ahead >= 0x8000) return { packets: [], missing: [] };
    this.#waiting.set(sequence, { packet, at: now });
    const packets = this.#take(now);
    const missing: number[] = [];
    if (this.#waiting.size) {
      for (let number = this.#next; distance(number, sequence) > 0 && distance(number, sequence) < 0x8000; number = (number + 1) & 0xffff) {
        if (this.#waiting.has(number) || this.#asked.has(number)) continue;
        this.#asked.add(number);
        missing.push(number);
        if (missing.length >= 64) break;
      }
    }
    return { packets, missing };
  }

  #take(now: number): RtpPacket[] {
    const packets: RtpPacket[] = [];
    for (;;) {
      const entry = this.#waiting.get(this.#next!);
      if (entry) {
        this.#waiting.delete(this.#next!);
        packets.push(entry.packet);
        this.#advance();
      } else if (this.#waiting.size && this.#tooLate(now)) this.#advance();
      else return packets;
    }
  }

  #tooLate(now: number): boolean {
    if (this.#waiting.size > MAX_WAITING) return true;
    for (const { at } of this.#waiting.values()) if (now - at > this.#waitMs) return true;
    return false;
  }

  #advance(): void {
    this.#asked.delete(this.#next!);
    this.#next = (this.#next! + 1) & 0xffff;
  }
}
