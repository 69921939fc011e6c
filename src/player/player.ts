// The player without its looks: chooses a transport, opens it again when it is lost, tells what is on the screen, and goes to frames.

import type { StreamInfo, StreamState } from '../api/schema.ts';
import { Emitter } from '../core/emitter.ts';
import { type ErrorCode, SluiceError } from '../core/errors.ts';
import type { StreamAddress } from './address.ts';
import { type Attempt, Attempts, chosenBecause, type Try } from './attempts.ts';
import { Backoff } from './backoff.ts';
import type { DeepCanvas } from './deep-canvas.ts';
import { Figures, type FigureValues } from './figures.ts';
import type { PageEvents } from './page-events.ts';
import { PageVisibility } from './page-visibility.ts';
import { Seeker } from './seeker.ts';
import type { Stage } from './stage.ts';
import { describe, type PlayerState, type Status, type Trouble } from './status.ts';
import { StreamWatch } from './stream-watch.ts';
import type {
  Dvr,
  ShownFrame,
  ShownPicture,
  Transport,
  TransportFailure,
  TransportName,
  TransportRow,
  TransportStats,
} from './transport.ts';
import { TransportChoice } from './transport-choice.ts';
import { TRANSPORTS } from './transports.ts';
import { wait } from './wait.ts';

export interface PlayerOptions {
  readonly address: StreamAddress;
  readonly stage: Stage;
  /** `auto` or the name of a transport. */
  readonly transport: string;
  readonly decoder: string;
  readonly autoplay: boolean;
  readonly muted: boolean;
  readonly volume: number;
}

/** A picture that was put on the screen. */
export interface FrameEvent extends ShownFrame {
  /** Capture to screen in ms by the server's clock; `null` before that is known, and when not live. */
  readonly latencyMs: number | null;
  /** The same frame as before, once more. */
  readonly repeat: boolean;
}

export interface PlayerEvents {
  frame: FrameEvent;
  statechange: Status & { readonly previous: PlayerState };
  transportchange: { readonly transport: TransportName; readonly previous: TransportName | null; readonly reason: string };
  error: { readonly code: ErrorCode; readonly message: string };
  /** A short word for the viewer, such as "This is the newest frame." */
  notice: string;
  /** Size, state or anything else that the server says about the stream. */
  info: StreamInfo | null;
}

/** Figures of the moment, for the statistics. */
export interface PlayerStats extends TransportStats, FigureValues {
  readonly transport: string;
  /** Why this one: a clause in plain words. */
  readonly reason: string;
  /** When it was opened, page time in ms. */
  readonly openedMs: number;
  /** Viewers of the stream now, on all ways; `null` while the server has not told. */
  readonly viewers: number | null;
  /** New frames shown since the transport was opened. */
  readonly shown: number;
  readonly latencyMs: number | null;
  readonly behindMs: number | null;
  readonly roundTripMs: number | null;
  /** The server's clock minus the system clock of this computer, and how far that may be off. */
  readonly clockOffsetMs: number | null;
  readonly clockDoubtMs: number | null;
}

const TICK_MS = 250;
const FIRST_PICTURE_MS = 10_000;
const SILENCE_MS = 12_000;
const CHECK_MS = 2500;

/** States of a stream in which a transport can be expected to work. */
const WORKING: ReadonlySet<StreamState> = new Set<StreamState>(['live', 'starting', 'asleep']);

const TROUBLE_CODES: Readonly<Record<Trouble, ErrorCode>> = {
  'unknown-stream': 'unknown-stream',
  refused: 'unauthorized',
  away: 'unavailable',
};

interface Session {
  readonly row: TransportRow;
  readonly openedMs: number;
  /** Its row in the log of tries. */
  readonly attempt: Try;
  /** Opened only to go back in time, from a transport that cannot. */
  readonly forDvr: boolean;
  transport: Transport | null;
  /** Its picture may go on the stage. */
  visible: boolean;
  halted: boolean;
  shown: number;
  last?: ShownPicture;
}

export class Player extends Emitter<PlayerEvents> {
  readonly #options: PlayerOptions;
  readonly #watch: StreamWatch;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #backoff = new Backoff();
  readonly #attempts = new Attempts();
  readonly #figures = new Figures();
  readonly #choice: TransportChoice;
  readonly #seeker: Seeker;
  #session: Session | undefined;
  /** The one whose picture is still on the stage until the new one has its own. */
  #before: Session | undefined;
  #reopen: ReturnType<typeof setTimeout> | undefined;
  #row: TransportRow | undefined;
  #paused: boolean;
  #muted: boolean;
  #volume: number;
  #blocked = false;
  #ended = false;
  #shown: ShownFrame | null = null;
  /** When the server was asked last about a stall. */
  #checkedMs = Number.NEGATIVE_INFINITY;
  #latencyMs: number | null = null;
  #newFrameMs: number | null = null;
  #status: Status = { state: 'loading', message: '' };
  #visibility: PageVisibility | undefined;
  #hadPoster = false;
  #closed = false;

  constructor(options: PlayerOptions) {
    super();
    this.#options = options;
    this.#paused = !options.autoplay;
    this.#muted = options.muted;
    this.#volume = options.volume;
    this.#choice = new TransportChoice(TRANSPORTS, options.transport);
    this.#seeker = new Seeker({
      address: options.address,
      onBegin: () => {
        this.#paused = true;
        this.#tick();
      },
      onArrived: () => this.#onArrived(),
      onEnd: () => this.#tick(),
      dvr: (signal) => this.#ensureDvr(signal),
      reopen: () => {
        if (this.#closed || this.#visibility?.hidden) return false;
        if (this.#session) this.#halt(this.#session);
        return true;
      },
      keptText: () => this.#keptText(),
    });
    this.#watch = new StreamWatch(options.address, () => this.#onWatch());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Starts to work: asks the server, and opens the first transport if it plays by itself. */
  open(): void {
    this.#watch.open();
    this.#visibility = new PageVisibility(
      () => this.#onHidden(),
      () => this.#onSeen(),
    );
    if (!this.#paused) this.#openNext('');
    this.#tick();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#visibility?.close();
    clearInterval(this.#timer);
    clearTimeout(this.#reopen);
    this.#seeker.cancel('The player was closed.');
    this.#watch.close();
    this.#session?.transport?.close();
    this.#before?.transport?.close();
    this.#session = this.#before = undefined;
    this.#options.stage.clear();
  }

  get state(): PlayerState {
    return this.#status.state;
  }

  get message(): string {
    return this.#status.message;
  }

  get info(): StreamInfo | null {
    return this.#watch.info;
  }

  get shownFrame(): ShownFrame | null {
    return this.#shown;
  }

  /** The picture on the stage with all its values; `null` where the transport brings none. */
  get deep(): DeepCanvas | null {
    return this.#session?.transport?.deep ?? null;
  }

  get address(): StreamAddress {
    return this.#options.address;
  }

  /** The page's connection to the events of this server. */
  get events(): PageEvents {
    return this.#watch.events;
  }

  /** Whether it is on its way to a frame that somebody asked for. */
  get seeking(): boolean {
    return this.#seeker.active;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Whether the newest picture is being shown as it comes. */
  get live(): boolean {
    const session = this.#session;
    if (this.#paused || !session?.transport || session.halted) return false;
    return session.transport.dvr ? session.transport.dvr.live : true;
  }

  get transport(): TransportName | null {
    return this.#session?.row.name ?? null;
  }

  /** What was tried to get a picture, oldest first, and why each way was left. */
  get attempts(): readonly Attempt[] {
    return this.#attempts.list;
  }

  /** Server µs UTC now; `null` before it is known. */
  now(): number | null {
    return this.#watch.clock.now();
  }

  /** How far the shown picture lies behind the server's clock, in ms. */
  get behindMs(): number | null {
    const now = this.now();
    return now === null || !this.#shown ? null : Math.max(0, (now - this.#shown.timestamp) / 1000);
  }

  /** First and last capture time that can be gone to; `null` where there is no way back. */
  range(): { start: number; end: number } | null {
    const now = this.now();
    const range = this.#session?.transport?.dvr?.range() ?? this.#keptRange();
    return range && now !== null && this.info?.state === 'live' ? { start: range.start, end: Math.max(range.end, now) } : range;
  }

  stats(): PlayerStats | null {
    const session = this.#session;
    if (!session?.transport) return null;
    return {
      ...session.transport.stats(),
      ...this.#figures.read(performance.now()),
      transport: session.row.label,
      reason: chosenBecause(this.#attempts.list, this.#options.transport),
      openedMs: session.openedMs,
      viewers: this.info?.viewers ?? null,
      shown: session.shown,
      latencyMs: this.#latencyMs,
      behindMs: this.behindMs,
      roundTripMs: this.#watch.clock.roundTripMs,
      clockOffsetMs: this.#watch.clock.offsetMs(),
      clockDoubtMs: this.#watch.clock.doubtMs,
    };
  }

  /** Capture to screen in ms of live frames shown since a page time; at most `limit`, at even distances. */
  latencies(sinceMs: number, limit: number): number[] {
    return this.#figures.latencies(sinceMs, limit);
  }

  setAudio(muted: boolean, volume: number): void {
    this.#muted = muted;
    this.#volume = volume;
    this.#session?.transport?.setAudio(muted, volume);
  }

  play(): void {
    this.#begin();
    const session = this.#session;
    if (!session || session.halted) this.#openNext('');
    else if (session.transport?.dvr) session.transport.dvr.play();
    this.#tick();
  }

  #begin(): void {
    this.#seeker.cancel();
    this.#blocked = false;
    // The time of the pause is no silence of the source.
    if (this.#paused && this.#newFrameMs !== null) this.#newFrameMs = performance.now();
    this.#paused = false;
  }

  pause(): void {
    this.#paused = true;
    clearTimeout(this.#reopen);
    const session = this.#session;
    if (session?.transport?.dvr) session.transport.dvr.pause();
    else if (session) this.#halt(session);
    this.#tick();
  }

  /** Back to the newest picture, playing. */
  liveEdge(): void {
    this.#begin();
    const session = this.#session;
    if (session?.transport?.dvr && !session.forDvr && !session.halted) session.transport.dvr.goLive();
    else if (!session || session.halted || session.forDvr) this.#openNext('');
    this.#tick();
  }

  /** Shows exactly the frame with this id, paused. Rejects with `unknown-frame` if it is not kept, with AbortError if replaced. */
  seekFrame(id: number): Promise<void> {
    return this.#seeker.toFrame(id);
  }

  /** Shows exactly the frame that was the newest at this time (µs UTC), paused; times outside what is kept go to its ends. */
  seekTime(timestamp: number): Promise<void> {
    return this.#seeker.toTime(timestamp);
  }

  /** Shows the next (1) or the previous (-1) frame, paused. */
  async step(step: 1 | -1): Promise<void> {
    const from = this.#shown;
    if (!from) return;
    this.pause();
    if (await this.#seeker.step(from, step)) return;
    this.emit('notice', step === 1 ? 'This is the newest frame.' : 'This is the oldest frame that is kept.');
  }

  /** The picture that was sought is there: it may go on the stage. */
  #onArrived(): void {
    const session = this.#session;
    if (!session || session.visible) return;
    session.visible = true;
    if (session.last) this.#onShown(session, session.last);
  }

  /** The running transport if it has a way back, else a second one that has. */
  async #ensureDvr(signal: AbortSignal): Promise<Dvr> {
    if (!this.#session?.row.hasDvr || this.#session.halted) {
      const row = this.#choice.dvr();
      if (!row) throw new SluiceError('unavailable', 'This browser cannot go back in time in this stream: it cannot play HLS.');
      this.#openRow(row, 'to go back in time', { forDvr: row !== this.#row, startPaused: true });
    }
    const session = this.#session!;
    for (let waited = 0; waited < 12_000; waited += 30) {
      if (session !== this.#session || session.halted)
        throw new SluiceError('unavailable', 'HLS could not be loaded, so there is no way back in time.');
      const dvr = session.transport?.dvr;
      if (dvr?.range()) return dvr;
      await wait(30, signal);
    }
    throw new SluiceError('unavailable', 'HLS did not start in time, so there is no way back in time.');
  }

  #keptRange(): { start: number; end: number } | null {
    const dvr = this.info?.dvr;
    if (!dvr || dvr.start === null || dvr.end === null) return null;
    return this.#choice.dvr() ? { start: dvr.start, end: dvr.end } : null;
  }

  #keptText(): string {
    const range = this.range();
    if (!range) return '';
    const text = (micros: number) => new Date(micros / 1000).toISOString();
    return ` Kept is what was captured from ${text(range.start)} to ${text(range.end)}.`;
  }

  /** Opens the row to play with. */
  #openNext(reason: string): void {
    if (this.#visibility?.hidden) return;
    const row = this.#choice.next();
    if (row) this.#openRow(row, reason, { forDvr: false, startPaused: false });
    else this.#scheduleOpen();
  }

  #openRow(row: TransportRow, reason: string, how: { forDvr: boolean; startPaused: boolean }): void {
    clearTimeout(this.#reopen);
    const old = this.#session;
    const previous = old?.row.name ?? null;
    if (old) {
      this.#halt(old);
      if (this.#options.stage.picture && this.#options.stage.picture === old.transport?.picture) {
        this.#before?.transport?.close();
        this.#before = old;
      } else old.transport?.close();
    }
    const session: Session = {
      row,
      attempt: this.#attempts.begin(row, reason),
      forDvr: how.forDvr,
      openedMs: performance.now(),
      transport: null,
      visible: !how.startPaused,
      halted: false,
      shown: 0,
    };
    this.#session = session;
    this.#figures.reset();
    this.#ended = false;
    if (!how.forDvr) this.#row = row;
    if (previous !== row.name) this.emit('transportchange', { transport: row.name, previous, reason });
    const mine = () => this.#session === session && !session.halted;
    row
      .open({
        address: this.#options.address,
        clock: this.#watch.clock,
        decoder: this.#options.decoder,
        startPaused: how.startPaused,
        muted: this.#muted,
        volume: this.#volume,
        events: {
          shown: (picture) => mine() && this.#onShown(session, picture),
          failed: (failure) => mine() && this.#onFailed(session, failure),
          ended: () => mine() && this.#onEnded(),
          blocked: () => {
            if (!mine()) return;
            this.#blocked = this.#paused = true;
            this.#tick();
          },
        },
      })
      .then((transport) => {
        if (this.#session !== session || session.halted) {
          transport.close();
          return;
        }
        session.transport = transport;
        transport.setAudio(this.#muted, this.#volume);
        if (session.visible && !this.#options.stage.picture) this.#options.stage.show(transport.picture);
      })
      .catch((error: unknown) => {
        if (mine()) this.#onFailed(session, { kind: 'lost', reason: error instanceof Error ? error.message : 'it could not be loaded' });
      });
  }

  #halt(session: Session): void {
    session.halted = true;
    session.attempt.left('');
    session.transport?.halt();
  }

  #onShown(session: Session, picture: ShownPicture): void {
    session.last = picture;
    if (!session.visible) return;
    this.#reveal(session);
    const { frame } = picture;
    const isNew = frame === null || frame.id !== this.#shown?.id;
    this.#shown = frame;
    if (isNew) {
      this.#newFrameMs = performance.now();
      session.shown++;
      session.attempt.shown();
      this.#choice.worked(session.row);
      this.#backoff.reset();
    }
    if (!frame) return;
    this.#seeker.saw(frame.id);
    const now = this.live ? this.#watch.clock.now(picture.atMs) : null;
    if (isNew) {
      this.#latencyMs = now === null ? null : (now - frame.timestamp) / 1000;
      this.#figures.shown(picture.atMs, this.#latencyMs);
    }
    this.emit('frame', { ...frame, latencyMs: this.#latencyMs, repeat: picture.repeat });
    if (this.#status.state !== 'playing' && isNew) this.#tick();
  }

  /** Puts the session's picture on the stage and lets the one before go. */
  #reveal(session: Session): void {
    if (!session.transport) return;
    if (this.#options.stage.picture === session.transport.picture) return;
    this.#options.stage.show(session.transport.picture);
    this.#before?.transport?.close();
    this.#before = undefined;
  }

  #onEnded(): void {
    this.#ended = true;
    void this.#watch.check();
    this.#tick();
  }

  #onFailed(session: Session, failure: TransportFailure): void {
    session.attempt.failed(failure.reason);
    this.#halt(session);
    void this.#watch.check();
    const { label } = session.row;
    if (session.forDvr) {
      this.emit('error', { code: 'unavailable', message: `Going back in time failed: ${failure.reason}.` });
      return;
    }
    this.emit('error', { code: failure.kind === 'unusable' ? 'not-acceptable' : 'unavailable', message: `${label}: ${failure.reason}.` });
    const serverFine = this.#watch.trouble === null && WORKING.has(this.#watch.info?.state ?? 'failed');
    if (this.#choice.failed(session.row, failure, serverFine) === 'again') this.#scheduleOpen();
    else if (!this.#paused) this.#openNext(`${label} does not work here: ${failure.reason}.`);
    this.#tick();
  }

  #scheduleOpen(): void {
    clearTimeout(this.#reopen);
    if (this.#closed) return;
    this.#reopen = setTimeout(() => {
      const { trouble } = this.#watch;
      // Without the stream or the right to see it no transport can work; the watch goes on asking.
      if (trouble && trouble !== 'away') this.#scheduleOpen();
      else if (!this.#paused) this.#openNext('');
    }, this.#backoff.next());
  }

  #onWatch(): void {
    const { info, trouble } = this.#watch;
    this.emit('info', info);
    const session = this.#session;
    if (session && !session.halted && (trouble === 'unknown-stream' || trouble === 'refused')) {
      this.#halt(session);
      this.#scheduleOpen();
    }
    // Good news: do not wait for the end of the back-off.
    const failed = session?.halted && !this.#paused && !this.#visibility?.hidden;
    if (failed && !trouble && info && (info.state === 'live' || info.state === 'starting') && this.#backoff.attempts > 2) {
      this.#backoff.reset();
      this.#openNext('');
    } else if (this.#ended && info?.state === 'live' && !this.#paused) this.#openNext('');
    if (info && !this.#shown && !this.#hadPoster && (this.#paused || (info.state !== 'live' && info.state !== 'starting')))
      void this.#loadPoster();
    this.#tick();
  }

  /** The last picture, for streams that show none now. */
  async #loadPoster(): Promise<void> {
    if (!this.info?.lastFrame || this.info.state === 'asleep') return;
    this.#hadPoster = true;
    const response = await fetch(this.#options.address.live('snapshot.jpg'), { cache: 'no-store' }).catch(() => null);
    if (!response?.ok || this.#closed) return;
    const blob = await response.blob();
    if (!this.#closed && blob.type.startsWith('image/')) this.#options.stage.poster(blob);
  }

  #tick(): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    const session = this.#session;
    const { info, trouble } = this.#watch;
    if (session?.transport && !session.halted) this.#figures.sample(session.transport.stats());
    if (!this.live) this.#figures.pause();
    const interval = info && info.fps > 0 ? 1000 / info.fps : 0;
    const sinceFrameMs = this.#newFrameMs === null ? null : nowMs - this.#newFrameMs;
    if (session?.transport && !session.halted && !this.#paused && !trouble && (info === null || info.state === 'live') && !this.#ended) {
      const silent = sinceFrameMs !== null && sinceFrameMs < nowMs - session.openedMs ? sinceFrameMs : nowMs - session.openedMs;
      if (session.shown === 0 && silent > FIRST_PICTURE_MS)
        this.#onFailed(session, { kind: 'lost', reason: `no picture came within ${FIRST_PICTURE_MS / 1000} s` });
      else if (silent > Math.max(SILENCE_MS, 5 * interval)) this.#onFailed(session, { kind: 'lost', reason: 'no new pictures came' });
    }
    if (this.#visibility?.hidden) return;
    const stallMs = Math.max(3000, 3 * interval);
    const stalls = !this.#paused && sinceFrameMs !== null && sinceFrameMs > stallMs - 500;
    if (stalls && nowMs - this.#checkedMs > CHECK_MS) {
      this.#checkedMs = nowMs;
      void this.#watch.check();
    }
    const status = describe({
      hasSource: true,
      paused: this.#paused,
      seeking: this.#seeker.active,
      blocked: this.#blocked,
      ended: this.#ended,
      sinceFrameMs,
      stallMs,
      trouble,
      streamState: info?.state ?? null,
      connecting: !session || session.halted || session.shown === 0,
      sourceSilent: this.#sourceSilent(stallMs),
      reason: this.#watch.reason,
      name: this.#options.address.name,
      host: this.#options.address.host,
      transportTrouble: this.#choice.trouble,
    });
    const previous = this.#status;
    if (status.state === previous.state && status.message === previous.message) return;
    this.#status = status;
    this.emit('statechange', { ...status, previous: previous.state });
    if (status.state === 'error' && previous.state !== 'error')
      this.emit('error', { code: trouble ? TROUBLE_CODES[trouble] : 'unavailable', message: status.message });
  }

  /** Whether the server's newest frame is old as well: then the fault is with the source, not on the way. */
  #sourceSilent(stallMs: number): boolean | null {
    const now = this.now();
    const newest = this.info?.lastFrame?.timestamp;
    if (now === null || newest === undefined || performance.now() - this.#checkedMs > 2 * CHECK_MS) return null;
    return (now - newest) / 1000 > stallMs - 1000;
  }

  #onHidden(): void {
    clearTimeout(this.#reopen);
    if (this.#session) this.#halt(this.#session);
  }

  #onSeen(): void {
    if (this.#newFrameMs !== null) this.#newFrameMs = performance.now();
    const shown = this.#shown;
    if (!this.#paused) this.#openNext('');
    else if (shown && this.#session?.row.hasDvr) this.seekFrame(shown.id).catch(() => {});
  }
}
