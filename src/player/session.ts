// One opened transport: from its opening to its end, with what is known of its pictures.
import type { Attempts, Try } from './attempts.ts';
import type { ShownPicture, Transport, TransportContext, TransportFailure, TransportRow } from './transport.ts';

export interface SessionEvents {
  /** The transport is there; its picture element may go into the document. */
  opened(session: Session): void;
  shown(session: Session, picture: ShownPicture): void;
  failed(session: Session, failure: TransportFailure): void;
  ended(session: Session): void;
  blocked(session: Session): void;
  silenced(session: Session): void;
}

export interface SessionOptions {
  readonly row: TransportRow;
  readonly context: Omit<TransportContext, 'events' | 'startPaused'>;
  readonly attempts: Attempts;
  /** Why it is opened, for the log of tries. */
  readonly reason: string;
  /** Opened only to go back in time: nothing plays before that. */
  readonly back: boolean;
  readonly events: SessionEvents;
}

/** The name of the last picture may come so late after the end. */
const LAST_NAME_MS = 3500;

export class Session {
  readonly row: TransportRow;
  readonly back: boolean;
  readonly openedMs = performance.now();
  readonly #attempt: Try;
  #transport: Transport | null = null;
  #halted = false;
  #haltedMs = 0;
  #last: ShownPicture | null = null;
  #lastMs: number | null = null;
  #firstMs: number | null = null;
  /** New frames that were on the screen. */
  shown = 0;

  constructor(options: SessionOptions) {
    const { row, context, attempts, reason, back, events } = options;
    this.row = row;
    this.back = back;
    this.#attempt = attempts.begin(row, reason);
    const told = {
      shown: (picture: ShownPicture) => {
        if (this.#halted && performance.now() - this.#haltedMs > LAST_NAME_MS) return;
        this.#last = picture;
        this.#lastMs = performance.now();
        this.#firstMs ??= this.#lastMs;
        events.shown(this, picture);
      },
      failed: (failure: TransportFailure) => this.#fail(failure, events),
      ended: () => this.#halted || events.ended(this),
      blocked: () => this.#halted || events.blocked(this),
      silenced: () => this.#halted || events.silenced(this),
    };
    row
      .open({ ...context, startPaused: back, events: told })
      .then((transport) => {
        if (this.#halted) return transport.close();
        this.#transport = transport;
        events.opened(this);
      })
      .catch((error: unknown) =>
        this.#fail({ kind: 'lost', reason: error instanceof Error ? error.message : 'it could not be loaded' }, events),
      );
  }

  /** `null` until it is loaded. */
  get transport(): Transport | null {
    return this.#transport;
  }

  /** It takes nothing from the server any more; its last picture stays. */
  get halted(): boolean {
    return this.#halted;
  }

  /** The newest picture. */
  get last(): ShownPicture | null {
    return this.#last;
  }

  /** ms since a picture came, a repeated one too; `null` before the first. */
  get quietMs(): number | null {
    return this.#lastMs === null ? null : performance.now() - this.#lastMs;
  }

  /** ms since the first picture came; `null` before. */
  get showingMs(): number | null {
    return this.#firstMs === null ? null : performance.now() - this.#firstMs;
  }

  /** Its picture is on the screen: for the log of tries. */
  took(): void {
    this.#attempt.shown();
  }

  /** Ends it with a reason; the last picture stays. */
  halt(how: { readonly left: string } | { readonly failed: string }): void {
    if ('left' in how) this.#attempt.left(how.left);
    else this.#attempt.failed(how.failed);
    if (!this.#halted) this.#haltedMs = performance.now();
    this.#halted = true;
    this.#transport?.halt();
  }

  /** Frees everything, the picture too. */
  close(left: string): void {
    this.halt({ left });
    this.#transport?.close();
  }

  #fail(failure: TransportFailure, events: SessionEvents): void {
    if (this.#halted) return;
    this.halt({ failed: failure.reason });
    events.failed(this, failure);
  }
}
