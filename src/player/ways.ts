// The ways to the picture: opens the best one, brings up the next one beside it where no picture comes at once, changes over at its first
// picture, and goes back to a better one when it can. What is on the screen is never taken away before the next picture is there.
import type { StreamInfo } from '../api/schema.ts';
import { Attempts } from './attempts.ts';
import { Backoff } from './backoff.ts';
import { OnStage } from './on-stage.ts';
import { Session, type SessionEvents } from './session.ts';
import { Silence } from './silence.ts';
import type { Stage } from './stage.ts';
import type { Trouble } from './status.ts';
import type { ShownPicture, TransportContext, TransportFailure, TransportRow } from './transport.ts';
import { TransportChoice } from './transport-choice.ts';

const LOOK_MS = 100;
/** So many are opened at once at most. */
const MAX_RIVALS = 3;
/** A way that has brought pictures for so long is a good one. */
const PROVED_MS = 10_000;
/** A named picture is waited for so long before one without a name takes over. */
const UNNAMED_MS = 500;
/** Where there is no other way: a first picture within this time, and then no longer silence than that. */
const ALONE_FIRST_MS = 10_000;
const ALONE_QUIET_MS = 12_000;
/** Time that a source may take to wake up before its silence counts. */
const WAKE_MS = 1000;
/** What is silent, or was opened, for so long before the connection came back is opened anew. */
const STALE_MS = 500;
/** Wait before the first return to a better way; and after the network came back. */
const RETURN_MS = 2000;

/** States of a stream in which a transport can be expected to work. */
const WORKING: ReadonlySet<string> = new Set<StreamInfo['state']>(['live', 'starting', 'asleep']);

export interface WaysOptions {
  readonly rows: readonly TransportRow[];
  /** `auto` or the name of a row. */
  readonly wanted: string;
  readonly stage: Stage;
  readonly context: () => Omit<TransportContext, 'events' | 'startPaused'>;
  /** What is known of the server and the stream. */
  readonly situation: () => { readonly info: StreamInfo | null; readonly trouble: Trouble | null };
  readonly events: WaysEvents;
}

export interface WaysEvents {
  /** A picture of the way in use. */
  shown(session: Session, picture: ShownPicture): void;
  /** Another way is in use. */
  changed(session: Session, previous: Session | null, reason: string): void;
  failed(session: Session, failure: TransportFailure): void;
  /** The reason for the way in use is another one than before. */
  told(reason: string): void;
  ended(): void;
  blocked(): void;
  /** The browser does not let it sound without a click. */
  silenced(): void;
}

export class Ways {
  readonly attempts = new Attempts();
  readonly choice: TransportChoice;
  readonly #options: WaysOptions;
  readonly #backoff = new Backoff();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #sessionEvents: SessionEvents;
  /** In use: its picture is on the stage, or will be when the frame that was sought is there. */
  #current: Session | null = null;
  /** Being opened beside it, in the order of opening. */
  #rivals: Session[] = [];
  #live = false;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  /** The reason that was told last. */
  #told = '';
  #liveSinceMs: number | null = null;
  readonly #silence = new Silence();
  readonly #onStage: OnStage;
  #changedMs = performance.now();

  constructor(options: WaysOptions) {
    this.#options = options;
    this.choice = new TransportChoice(options.rows, options.wanted);
    this.#onStage = new OnStage(options.stage);
    this.#sessionEvents = {
      opened: (session) => this.#onOpened(session),
      shown: (session, picture) => this.#onShown(session, picture),
      failed: (session, failure) => this.#onFailed(session, failure),
      ended: (session) => session === this.#current && options.events.ended(),
      blocked: () => options.events.blocked(),
      silenced: (session) => session === this.#current && options.events.silenced(),
    };
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** The one in use. */
  get current(): Session | null {
    return this.#current;
  }

  /** The one in use, or the one that is opened first. */
  get foremost(): Session | null {
    return this.#current ?? this.#rivals[0] ?? null;
  }

  /** Whether the newest picture is wanted. */
  get wantsLive(): boolean {
    return this.#live;
  }

  /** Why this one is in use, as a sentence; may be empty. */
  get reason(): string {
    const current = this.#current;
    return current && !current.back ? this.#why(current) : '';
  }

  /** Nothing is shown and something is opened, or will be. */
  get connecting(): boolean {
    return !this.#current || this.#current.halted || this.#current.shown === 0;
  }

  /** The newest picture is wanted from now on. What is on the screen stays until it is there. */
  live(): void {
    this.#live = true;
    if (!this.#usable(this.#current) && !this.#rivals.length) this.#open();
  }

  /** The live edge is left, or the way in use is paused by itself: no other way is looked for. */
  still(): void {
    this.#live = false;
    clearTimeout(this.#reopen);
    this.#reopen = undefined;
    this.#closeRivals('the live edge was left');
  }

  /** Nothing is wanted: the picture on the screen stays as it is. */
  rest(why: string): void {
    this.#live = false;
    clearTimeout(this.#reopen);
    this.#reopen = undefined;
    this.#closeRivals(why);
    if (this.#current && !this.#current.halted) this.#current.halt({ left: why });
  }

  /** Opens a way back in time. The caller says when its picture may be shown (`reveal`). */
  back(row: TransportRow, reason: string): Session {
    this.rest(reason);
    const previous = this.#current;
    if (previous) this.#onStage.retire(previous);
    const session = this.#session(row, reason, true);
    this.#current = session;
    this.#told = '';
    this.#options.events.changed(session, previous, reason);
    return session;
  }

  /** Puts the picture of the one in use on the stage. */
  reveal(): void {
    this.#onStage.show(this.#current);
  }

  /** The server is back, the network another one, or the page is seen again: what failed may work now, and no wait is kept. */
  fresh(): void {
    this.choice.forgive();
    this.#changedMs = performance.now() - RETURN_MS;
    this.#silence.fresh();
    if (!this.#live) return;
    const current = this.#current;
    if (current && !current.back && !current.halted && (current.quietMs ?? 0) > STALE_MS)
      this.#onFailed(current, { kind: 'lost', reason: 'the connection was lost' });
    if (this.#usable(this.#current)) return;
    // What hangs since before would only be waited for.
    for (const rival of this.#rivals.filter((each) => each.quietMs === null && performance.now() - each.openedMs > STALE_MS))
      this.#drop(rival, 'it was opened before the connection came back');
    if (this.#rivals.length) return;
    this.#backoff.reset();
    this.#open();
  }

  /** The server or the stream is not there: nothing can be had, and no transport is to blame. */
  unavailable(): void {
    this.choice.forgive();
    this.#closeRivals('the server does not give the stream');
    if (this.#current && !this.#current.halted) this.#current.halt({ left: 'the server does not give the stream' });
    if (this.#live) this.#schedule();
  }

  /** What is known of the stream has changed. */
  onSituation(): void {
    const { info, trouble } = this.#options.situation();
    if (info?.state !== 'live') this.#liveSinceMs = null;
    else this.#liveSinceMs ??= performance.now();
    if (trouble === 'away') this.choice.forgive();
  }

  /** Frees what rests: a still of the picture stays. */
  release(): void {
    if (this.#live || !this.#current?.halted) return;
    this.#onStage.freeze(this.#current);
    this.#current = null;
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#reopen);
    this.#closeRivals('the player was closed');
    this.#current?.close('the player was closed');
    this.#onStage.close('the player was closed');
    this.#current = null;
  }

  #usable(session: Session | null): boolean {
    return session !== null && !session.back && !session.halted;
  }

  /** Whether a failure says something about the transport. */
  get #serverFine(): boolean {
    const { info, trouble } = this.#options.situation();
    return trouble === null && (info === null || WORKING.has(info.state));
  }

  /** Opens the best way that is not open, beside what there is. */
  #open(reason = ''): void {
    clearTimeout(this.#reopen);
    this.#reopen = undefined;
    const open = [...this.#rivals.map(({ row }) => row), ...(this.#usable(this.#current) ? [this.#current!.row] : [])];
    const row = this.choice.next(open);
    if (row) this.#rivals.push(this.#session(row, reason, false));
    else if (!open.length) {
      this.choice.giveUp();
      this.#noteUnusable();
      this.#schedule();
    }
  }

  #session(row: TransportRow, reason: string, back: boolean): Session {
    this.#noteUnusable();
    const { attempts } = this;
    return new Session({ row, context: this.#options.context(), attempts, reason, back, events: this.#sessionEvents });
  }

  #noteUnusable(): void {
    for (const row of this.choice.order) {
      const reason = row.unusable();
      if (reason) this.attempts.unusable(row, reason);
    }
  }

  #schedule(): void {
    clearTimeout(this.#reopen);
    this.#reopen = setTimeout(() => {
      this.#reopen = undefined;
      const { trouble } = this.#options.situation();
      // Without the stream or the right to see it no transport can work; the player goes on asking.
      if (trouble && trouble !== 'away') this.#schedule();
      else if (this.#live && !this.#usable(this.#current) && !this.#rivals.length) this.#open();
    }, this.#backoff.next());
  }

  #onOpened(session: Session): void {
    if (!session.back) this.#onStage.offer(session);
    const { muted, volume } = this.#options.context();
    session.transport!.setAudio(muted, volume);
  }

  #onShown(session: Session, picture: ShownPicture): void {
    if (session !== this.#current && !this.#mayTake(session, picture)) return;
    if (session !== this.#current) this.#take(session);
    this.#options.events.shown(session, picture);
  }

  /** Whether a way that shows its picture takes over. */
  #mayTake(session: Session, { frame }: ShownPicture): boolean {
    if (!this.#live || !this.#rivals.includes(session)) return false;
    const current = this.#current;
    if (frame === null && (session.showingMs ?? 0) < UNNAMED_MS) return false;
    if (!this.#usable(current)) return true;
    if (this.choice.isBetter(session.row, current!.row)) return true;
    // The one in use was silent: only a newer picture shows that the fault was its own.
    return this.#silence.doubted && (current!.last?.frame?.id ?? 0) < (frame?.id ?? 0);
  }

  #take(session: Session): void {
    const previous = this.#current;
    const back = previous?.back === true;
    if (this.#usable(previous)) {
      if (this.choice.isBetter(session.row, previous!.row)) previous!.halt({ left: `${session.row.label} works` });
      else {
        const reason = 'no new pictures came';
        this.choice.failed(previous!.row, { kind: 'lost', reason }, true);
        previous!.halt({ failed: reason });
      }
    }
    const again = previous !== null && !back && this.choice.order[0] === session.row;
    this.#current = session;
    this.#rivals = this.#rivals.filter((each) => each !== session);
    for (const rival of this.#rivals.filter(({ row }) => this.choice.isBetter(session.row, row)))
      this.#drop(rival, 'a better way was there first');
    if (previous) this.#onStage.retire(previous);
    this.#silence.over();
    this.#changedMs = performance.now();
    this.#backoff.reset();
    session.took();
    this.choice.worked(session.row);
    this.reveal();
    this.#told = this.#why(session);
    this.#options.events.changed(session, previous, this.#told || (again ? `${session.row.label} works again.` : ''));
  }

  /** Why no better way is in use. */
  #why(session: Session): string {
    const because = this.choice.because(session.row);
    if (because) return because;
    const better = this.#rivals.find(({ row }) => this.choice.isBetter(row, session.row));
    return better ? `${session.row.label} until ${better.row.label} brings its picture.` : '';
  }

  #drop(rival: Session, why: string): void {
    this.#rivals = this.#rivals.filter((each) => each !== rival);
    this.#onStage.retire(rival, why);
  }

  #closeRivals(why: string): void {
    const rivals = this.#rivals;
    this.#rivals = [];
    for (const rival of rivals) this.#onStage.retire(rival, why);
    this.#silence.over();
  }

  #onFailed(session: Session, failure: TransportFailure): void {
    if (!session.halted) session.halt({ failed: failure.reason });
    const rival = this.#rivals.includes(session);
    if (!rival && session !== this.#current) return;
    if (rival) {
      this.#rivals = this.#rivals.filter((each) => each !== session);
      this.#onStage.retire(session);
    }
    if (session === this.#silence.rival) this.#silence.over();
    const fine = this.#serverFine;
    if (!session.back) this.choice.failed(session.row, failure, fine);
    this.#options.events.failed(session, failure);
    if (session.back || !this.#live) return;
    if (this.#usable(this.#current)) {
      const why = this.reason;
      if (why && why !== this.#told && this.choice.isBetter(session.row, this.#current!.row)) this.#options.events.told(why);
      this.#told = why;
      return;
    }
    // Another transport at once; the same one, and any while the server is away, after a while.
    if (this.#rivals.length) return;
    if ((this.choice.auto && fine) || failure.kind === 'unusable') this.#open(`${session.row.label} failed: ${failure.reason}`);
    else this.#schedule();
  }

  /** Looks at what came and what did not. */
  #look(): void {
    if (!this.#live || document.hidden) return;
    const { info, trouble } = this.#options.situation();
    if (trouble || (info !== null && !WORKING.has(info.state))) return;
    if (!this.#usable(this.#current)) this.#lookForFirst();
    if (info !== null && info.state !== 'live') return;
    for (const rival of [...this.#rivals]) {
      if (this.#waitedMs(rival) <= this.#limitMs(rival.row)) continue;
      const seconds = Math.round(this.#limitMs(rival.row) / 1000);
      rival.halt({ failed: rival.quietMs === null ? `no picture came within ${seconds} s` : 'it brought no newer pictures' });
      this.#onFailed(rival, { kind: 'lost', reason: `no picture came within ${seconds} s` });
    }
    if (this.#usable(this.#current)) this.#lookAtCurrent(this.#current!, info);
  }

  /** Nothing is shown: the next way is brought up beside those that let wait. */
  #lookForFirst(): void {
    const newest = this.#rivals.at(-1);
    if (!newest || !this.choice.auto || this.#rivals.length >= MAX_RIVALS) return;
    // A way that does not even wake the source is one that lets wait.
    const asleep = this.#sinceLive() === 0;
    const waited = asleep ? performance.now() - newest.openedMs - WAKE_MS : this.#waitedMs(newest);
    if (waited > newest.row.headStartMs) this.#open(`${newest.row.label} has brought no picture yet`);
  }

  #lookAtCurrent(current: Session, info: StreamInfo | null): void {
    const interval = info && info.fps > 0 ? 1000 / info.fps : 0;
    const quiet = Math.min(current.quietMs ?? performance.now() - current.openedMs, this.#sinceLive());
    if (!this.choice.auto) {
      if (quiet > Math.max(ALONE_QUIET_MS, 5 * interval)) this.#onFailed(current, { kind: 'lost', reason: 'no new pictures came' });
      return;
    }
    if ((current.showingMs ?? 0) > PROVED_MS) this.choice.proved(current.row);
    const verdict = this.#silence.look(quiet, interval, current.row.hasDvr);
    if (verdict === 'false-alarm') {
      const { rival } = this.#silence;
      this.#silence.over();
      if (rival && this.#rivals.includes(rival)) this.#drop(rival, 'the way in use brings pictures again');
    } else if (verdict === 'suspect') {
      const before = this.#rivals.length;
      this.#open(`${current.row.label} is silent`);
      this.#silence.rival = this.#rivals[before] ?? null;
    }
    if (verdict !== 'fine') return;
    if (this.#rivals.length || performance.now() - this.#changedMs < RETURN_MS) return;
    const better = this.choice.better(current.row);
    if (better) this.#rivals.push(this.#session(better, `to see whether ${better.label} works now`, false));
  }

  /** How long a picture could have come, ms: a source that wakes up is no fault of the way. */
  #waitedMs(session: Session): number {
    return Math.min(performance.now() - session.openedMs, this.#sinceLive());
  }

  #sinceLive(): number {
    const { info } = this.#options.situation();
    if (info === null) return Number.POSITIVE_INFINITY;
    return this.#liveSinceMs === null ? 0 : performance.now() - this.#liveSinceMs;
  }

  #limitMs(row: TransportRow): number {
    return this.choice.auto ? row.limitMs : ALONE_FIRST_MS;
  }
}
