// Which time a packet has in the medium that goes out: the one that its frame had in the medium that it came from, else its capture time.
import type { Packet } from '../../core/packet.ts';

/** Sound follows the pictures' distance to the capture times by so much of its own length at most: 0.5 %, which nobody hears. */
const FOLLOW = 0.005;
/** Farther away it is another medium, ticks. */
const JUMP_TICKS = 9000;

export class WrittenTimes {
  /** Written minus media time of the newest picture, ticks. */
  #shift = 0;
  #last: number | null = null;
  #soundShift: number | null = null;
  #soundAt = 0;

  /**
   * 90 kHz ticks.
   * @param known time that the frame had in the medium it came from; `null` = not known
   */
  picture({ pts, repeat }: Pick<Packet, 'pts' | 'repeat'>, known: number | null): number {
    if (known !== null && !repeat) {
      this.#shift = known - pts;
      this.#last = known;
      return known;
    }
    const time = pts + this.#shift;
    // A decoding time must rise.
    this.#last = this.#last !== null && time <= this.#last && this.#last - time < JUMP_TICKS ? this.#last + 1 : time;
    return this.#last;
  }

  /** 90 kHz ticks: as far from the capture time as the pictures are. */
  sound({ pts }: Pick<Packet, 'pts'>): number {
    const step = Math.max(0, pts - this.#soundAt);
    this.#soundAt = pts;
    const away = this.#shift - (this.#soundShift ?? Number.POSITIVE_INFINITY);
    if (Math.abs(away) > JUMP_TICKS) this.#soundShift = this.#shift;
    else this.#soundShift! += Math.max(-step * FOLLOW, Math.min(step * FOLLOW, away));
    return Math.round(pts + this.#soundShift!);
  }
}
