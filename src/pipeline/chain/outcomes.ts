// What leaves a processor for each frame that came: what it made of it, the frame itself, that with the progress of loading over it, or nothing.
// Counted in the ledger, in the order in which the frames came.
import type { InlineConfig } from '../../api/schema.ts';
import type { Micros } from '../../core/time.ts';
import type { StageGuide } from './guide.ts';
import { LeavingOrder, type Ticket } from './leaving-order.ts';
import type { Fault, StageLedger } from './ledger.ts';
import { type Loading, showLoading } from './loading-overlay.ts';
import type { PlacedPicture } from './messages.ts';
import { type HeldSlot, type Moving, release, takeSlot } from './moving.ts';
import type { StageHost, StageState } from './stage-host.ts';

export interface OutcomesHost extends Pick<StageHost, 'shows' | 'claim' | 'next'> {
  readonly ledger: StageLedger;
  readonly config: Pick<InlineConfig, 'loading' | 'onError'>;
  readonly guide: StageGuide | null;
  readonly state: StageState;
  /** It has never failed. */
  readonly unfailed: boolean;
  readonly loading: Loading;
  /** Its pictures have capture times of their own. */
  readonly ownTimes: boolean;
}

/** A frame that a processor has, and slots that it may be writing into. */
export interface Worked {
  readonly frame: Moving;
  readonly ticket: Ticket;
  readonly slots: HeldSlot[];
}

export class Outcomes {
  readonly #host: OutcomesHost;
  readonly #order: LeavingOrder;

  constructor(host: OutcomesHost) {
    this.#host = host;
    this.#order = new LeavingOrder((frame) => host.next(frame));
  }

  /** Frames are on their way. */
  get busy(): boolean {
    return this.#order.busy;
  }

  /** The place of the frame that a processor is given now. */
  ticket(): Ticket {
    return this.#order.ticket();
  }

  // ---- frames that no processor was given

  /** Shown as loading. */
  held(frame: Moving): void {
    this.#host.ledger.passed++;
    this.#order.settle(this.#order.ticket(), [this.#overlaid(frame)]);
  }

  /** No processor is there. */
  bypassed(frame: Moving): void {
    const { state, config, unfailed, ledger } = this.#host;
    const policy = state === 'loading' && unfailed ? config.loading : config.onError;
    const ticket = this.#order.ticket();
    if (policy === 'withhold' && state !== 'running') {
      ledger.withheld++;
      frame.at.release();
      this.#order.settle(ticket, []);
    } else {
      ledger.passed++;
      this.#order.settle(ticket, [policy === 'overlay' && state === 'loading' ? this.#overlaid(frame) : frame]);
    }
  }

  // ---- frames that a processor was given

  /** The processor lets it through; `copied`: into the slot that it was given. */
  passed(worked: Worked, copied: boolean): void {
    const { frame, slots, ticket } = worked;
    this.#host.ledger.passed++;
    if (this.#guided(true, worked)) return;
    const [slot] = slots;
    if (!copied || !slot) {
      release(slots);
      return this.#order.settle(ticket, [frame]);
    }
    frame.at.release();
    release(slots.slice(1));
    this.#order.settle(ticket, [{ ...frame, at: slot }]);
  }

  withheld(worked: Worked): void {
    this.#host.ledger.withheld++;
    if (this.#guided(false, worked)) return;
    release(worked.slots);
    this.#nothing(worked);
  }

  made(worked: Worked, pictures: readonly PlacedPicture[]): void {
    const { frame, slots, ticket } = worked;
    this.#host.ledger.processed++;
    if (this.#guided(true, worked)) return;
    if (!this.#host.shows) return this.#order.settle(ticket, [frame]);
    const out: Moving[] = [];
    for (const { place, format, width, height, significantBits, timestamp, metadata } of pictures) {
      const at = takeSlot(slots, place);
      if (!at) continue;
      const bits = significantBits ?? (format === frame.info.format ? frame.info.significantBits : 0);
      const time = (this.#host.ownTimes ? timestamp : undefined) ?? frame.info.timestamp;
      const info = { ...frame.info, format, width, height, significantBits: bits, timestamp: time as Micros };
      out.push({ ...frame, info, at, metadata: metadata ? { ...frame.metadata, ...metadata } : frame.metadata });
    }
    release(slots);
    frame.at.release();
    this.#order.settle(ticket, out);
  }

  /** It failed on it: the picture is as it was before. Its slots may still be written to, and are given back by whoever knows when not. */
  failed({ frame, ticket }: Worked, fault: Fault): void {
    const { ledger, config } = this.#host;
    ledger.fail(fault);
    const pass = config.onError === 'pass';
    const worked = { frame, ticket, slots: [] };
    if (this.#guided(pass, worked)) return;
    if (pass) this.#order.settle(ticket, [frame]);
    else this.#nothing(worked);
  }

  /** Nobody wants it any more. */
  stopped(worked: Worked): void {
    this.#host.ledger.drop('stopped');
    this.#nothing(worked);
  }

  #nothing({ frame, ticket }: Worked): void {
    frame.at.release();
    this.#order.settle(ticket, []);
  }

  /** A picture that the processor has answered, with what the guide wants shown of it. `false`: the answer itself. */
  #guided(made: boolean, { frame, slots, ticket }: Worked): boolean {
    const shown = this.#host.guide?.shown(made) ?? (made ? 'answer' : 'nothing');
    if (shown === 'answer' || shown === 'nothing') return false;
    release(slots);
    this.#order.settle(ticket, [shown === 'loading' ? this.#overlaid(frame) : frame]);
    return true;
  }

  /** The picture with the progress of loading drawn over it. */
  #overlaid(frame: Moving): Moving {
    const { shows, claim, loading } = this.#host;
    return (shows && showLoading(frame, claim, loading)) || frame;
  }
}
