// Frames leave a processor in the order in which they came, however many are worked on at once.
import type { Moving } from './moving.ts';

/** A frame's place in the order. */
export interface Ticket {
  done: boolean;
  out: readonly Moving[];
}

export class LeavingOrder {
  readonly #tickets: Ticket[] = [];
  readonly #leave: (frame: Moving) => void;

  constructor(leave: (frame: Moving) => void) {
    this.#leave = leave;
  }

  /** Frames are on their way. */
  get busy(): boolean {
    return this.#tickets.length > 0;
  }

  /** The place of the frame that comes now. */
  ticket(): Ticket {
    const ticket: Ticket = { done: false, out: [] };
    this.#tickets.push(ticket);
    return ticket;
  }

  /** What leaves at this place is known: it goes when all before it have gone. */
  settle(ticket: Ticket, out: readonly Moving[]): void {
    ticket.done = true;
    ticket.out = out;
    while (this.#tickets[0]?.done) for (const frame of this.#tickets.shift()!.out) this.#leave(frame);
  }
}
