// The player without its looks: plays, pauses and goes to frames, and tells what is on the screen. Which way the pictures take is decided in
// ways.ts.

import type { StreamInfo } from '../api/schema.ts';
import { Emitter } from '../core/emitter.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { StreamAddress } from './address.ts';
import type { Attempt } from './attempts.ts';
import type { DeepCanvas } from './deep-canvas.ts';
import { Figures } from './figures.ts';
import { KeptPlace } from './kept-place.ts';
import { NetworkChange } from './network-change.ts';
import type { PageEvents } from './page-events.ts';
import { PageVisibility } from './page-visibility.ts';
import type { FrameEvent, PlayerEvents, PlayerOptions, PlayerStats } from './player-types.ts';
import { Poster } from './poster.ts';
import { Seeker } from './seeker.ts';
import type { Session } from './session.ts';
import { StallWatch } from './stall-watch.ts';
import type { PlayerState, Trouble } from './status.ts';
import { StreamWatch } from './stream-watch.ts';
import type { ShownFrame, ShownPicture, TransportFailure, TransportName } from './transport.ts';
import { TRANSPORTS } from './transports.ts';
import { WayBack } from './way-back.ts';
import { Ways } from './ways.ts';

export type { FrameEvent, PlayerEvents, PlayerOptions, PlayerStats };

const TICK_MS = 250;
/** A stream that has sound and no picture for so long has none. */
const SOUND_ONLY_MS = 1000;
const TROUBLE_CODES: Readonly<Record<Trouble, ErrorCode>> = {
  'unknown-stream': 'unknown-stream',
  refused: 'unauthorized',
  away: 'unavailable',
};

export class Player extends Emitter<PlayerEvents> {
  readonly #options: PlayerOptions;
  readonly #watch: StreamWatch;
  readonly #stalls: StallWatch;
  readonly #ways: Ways;
  readonly #seeker: Seeker;
  readonly #wayBack: WayBack;
  readonly #place: KeptPlace;
  readonly #poster: Poster;
  readonly #figures = new Figures();
  readonly #timer: ReturnType<typeof setInterval>;
  #visibility: PageVisibility | undefined;
  #network: NetworkChange | undefined;
  #paused: boolean;
  #muted: boolean;
  #volume: number;
  /** From when on the stream has been one with sound and without pictures. */
  #soundSinceMs: number | null = null;
  #soundOnly = false;
  #blocked = false;
  #ended = false;
  /** The picture of the way in use may go on the stage: not before the frame that was sought is there. */
  #visible = true;
  #shown: ShownFrame | null = null;
  #deep: DeepCanvas | null = null;
  #latencyMs: number | null = null;
  #wasTrouble = false;
  #closed = false;

  constructor(options: PlayerOptions) {
    super();
    const { address, stage, autoplay, muted, volume, decoder, quality, transport } = options;
    this.#options = options;
    this.#paused = !autoplay;
    this.#muted = muted;
    this.#volume = volume;
    this.#watch = new StreamWatch(address, () => this.#onWatch());
    this.#stalls = new StallWatch(this.#watch);
    this.#poster = new Poster(address, stage);
    this.#ways = new Ways({
      rows: TRANSPORTS,
      wanted: transport,
      stage,
      context: () => ({
        address,
        clock: this.#watch.clock,
        decoder,
        quality,
        muted: this.#muted,
        volume: this.#volume,
        soundOnly: () => this.soundOnly,
        hasSound: () => this.info?.audio != null,
      }),
      situation: () => this.#watch,
      events: {
        shown: (session, picture) => this.#onShown(session, picture),
        changed: (session, previous, reason) => this.#onChanged(session, previous, reason),
        failed: (session, failure) => this.#onFailed(session, failure),
        told: (reason) => this.emit('notice', reason),
        ended: () => {
          this.#ended = true;
          void this.#watch.check();
          this.#tick();
        },
        blocked: () => {
          this.#blocked = this.#paused = true;
          this.#ways.still();
          this.#tick();
        },
        silenced: () => {
          this.setAudio(true, this.#volume);
          this.emit('notice', 'This browser wants a click before it plays sound.');
        },
      },
    });
    this.#wayBack = new WayBack({
      ways: this.#ways,
      info: () => this.info,
      onOpen: () => {
        this.#ended = false;
        this.#visible = false;
      },
    });
    this.#seeker = new Seeker({
      address,
      onBegin: () => {
        this.#paused = true;
        this.#tick();
      },
      onArrived: () => this.#onArrived(),
      onEnd: () => this.#tick(),
      dvr: (signal) => this.#wayBack.open(signal),
      reopen: () => {
        if (this.#closed || this.#visibility?.hidden) return false;
        this.#ways.rest('it did not lead to the frame');
        return true;
      },
      keptText: () => keptText(this.range()),
    });
    this.#place = new KeptPlace(this.#seeker);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Starts to work: asks the server, and opens the first transport if it plays by itself. */
  open(): void {
    this.#watch.open();
    this.#visibility = new PageVisibility(
      () => this.#onHidden(),
      () => this.#onSeen(),
      () => this.#ways.release(),
    );
    this.#network = new NetworkChange(() => {
      void this.#watch.check();
      this.#ways.fresh();
    });
    if (!this.#paused) this.#goLive();
    this.#tick();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#visibility?.close();
    this.#network?.close();
    clearInterval(this.#timer);
    this.#place.forget();
    this.#seeker.cancel('The player was closed.');
    this.#watch.close();
    this.#poster.close();
    this.#ways.close();
    this.#options.stage.clear();
  }

  get state(): PlayerState {
    return this.#stalls.status.state;
  }

  get message(): string {
    return this.#stalls.status.message;
  }

  get info(): StreamInfo | null {
    return this.#watch.info;
  }

  /** Of the pixels as they are at this moment, where the browser tells; else as told last. */
  get shownFrame(): ShownFrame | null {
    const now = this.#visible ? this.#ways.current?.transport?.frameNow?.() : undefined;
    return now === undefined ? this.#shown : now;
  }

  /** The picture on the stage with all its values; `null` where the transport brings none. */
  get deep(): DeepCanvas | null {
    return this.#deep;
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

  /** Whether the newest pictures are shown as they come. */
  get live(): boolean {
    return this.#atEdge && this.state === 'playing';
  }

  /** Whether the newest pictures are asked for; they may be on their way. */
  get wantsLive(): boolean {
    return !this.#paused && this.#ways.wantsLive;
  }

  get transport(): TransportName | null {
    return this.#ways.foremost?.row.name ?? null;
  }

  /** Name of the way in use for people; empty while there is none. */
  get transportLabel(): string {
    return this.#ways.foremost?.row.label ?? '';
  }

  /** Why a better transport is not in use, as a sentence; empty where the best one is. */
  get transportReason(): string {
    return this.#ways.reason;
  }

  /** What was tried to get a picture, oldest first, and why each way was left. */
  get attempts(): readonly Attempt[] {
    return this.#ways.attempts.list;
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
    const range = this.#wayBack.range();
    return range && now !== null && this.info?.state === 'live' ? { start: range.start, end: Math.max(range.end, now) } : range;
  }

  stats(): PlayerStats | null {
    const session = this.#ways.foremost;
    if (!session?.transport) return null;
    return {
      ...session.transport.stats(),
      ...this.#figures.read(performance.now()),
      transport: session.row.label,
      reason: session.back
        ? 'to go back in time'
        : this.#ways.reason || (this.#ways.choice.auto ? 'the best way that works here' : 'asked for'),
      openedMs: session.openedMs,
      viewers: this.#watch.trouble ? null : (this.info?.viewers ?? null),
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

  get muted(): boolean {
    return this.#muted;
  }

  get volume(): number {
    return this.#volume;
  }

  /** Whether the stream has sound, and if so, whether the way in use brings it, another one would be taken, or the one that was asked for has none. */
  get sound(): 'none' | 'here' | 'elsewhere' | 'never' {
    if (!this.info?.audio) return 'none';
    if (this.#ways.foremost?.row.hasSound ?? true) return 'here';
    return this.#ways.choice.auto ? 'elsewhere' : 'never';
  }

  /** The stream has sound and no pictures. */
  get soundOnly(): boolean {
    return this.#soundOnly;
  }

  /** Sound may come a moment before the first picture. */
  #lookForSound(): void {
    const { info } = this;
    if (info?.audio == null || info.width !== null) this.#soundSinceMs = null;
    else this.#soundSinceMs ??= performance.now();
    const before = this.#soundOnly;
    this.#soundOnly = this.#soundSinceMs !== null && performance.now() - this.#soundSinceMs > SOUND_ONLY_MS;
    this.#preferSound();
    if (this.#soundOnly !== before) this.#ways.foremost?.transport?.setAudio(this.#muted, this.#volume);
  }

  /** How loud it is now, 0 to 1 for full scale; `null`: not known. */
  get level(): number | null {
    return this.#ways.current?.transport?.level?.() ?? null;
  }

  /** Sound on or off and its volume, 0 to 1. `auto` takes a way with sound from then on; others cannot, and say so. */
  setAudio(muted: boolean, volume: number): void {
    const heard = this.#muted && !muted;
    this.#muted = muted;
    this.#volume = volume;
    this.#preferSound();
    this.#ways.foremost?.transport?.setAudio(muted, volume);
    const label = this.#ways.foremost?.row.label;
    const { sound } = this;
    if (heard && sound === 'elsewhere') this.emit('notice', `${label} brings no sound: a way with sound is opened.`);
    else if (heard && sound === 'never') this.emit('notice', `${label} brings no sound: choose WebRTC, HLS or automatic.`);
    this.emit('volumechange', { muted, volume });
  }

  /** Whoever hears wants a way with sound, if the stream has some. */
  #preferSound(): void {
    const hears = this.info?.audio != null && (!this.#muted || this.soundOnly);
    this.#ways.choice.prefer(hears ? TRANSPORTS.filter(({ hasSound }) => hasSound).map(({ name }) => name) : []);
  }

  play(): void {
    if (this.#place.goesOn) {
      void this.#playFromPlace();
      return;
    }
    const wasShort = this.#place.kept;
    this.#begin();
    const session = this.#ways.current;
    const dvr = wasShort || !session || session.halted ? null : session.transport?.dvr;
    dvr?.play();
    if (!dvr || this.#atEdge) this.#goLive();
    this.#tick();
  }

  pause(): void {
    const before = this.#paused;
    this.#paused = true;
    const session = this.#ways.current;
    if (session && !session.halted && session.transport?.dvr) {
      this.#ways.still();
      session.transport.dvr.pause();
    } else {
      this.#ways.rest('the picture was paused');
      // A picture that is being measured stays as it is: what is kept is video.
      const placed = session && this.#shown && !this.#blocked && !session.transport?.deep;
      if (!before && placed) this.#place.keep(() => this.shownFrame);
    }
    this.#tick();
  }

  /** Back to the newest picture, playing. */
  liveEdge(): void {
    this.#begin();
    const session = this.#ways.current;
    if (session && !session.back && !session.halted && session.transport?.dvr) session.transport.dvr.goLive();
    this.#goLive();
    this.#tick();
  }

  /** Shows exactly the frame with this id, paused. Rejects with `unknown-frame` if it is not kept, with AbortError if replaced. */
  seekFrame(id: number): Promise<void> {
    this.#place.forget();
    return this.#seeker.toFrame(id);
  }

  /** Shows exactly the frame that was the newest at this time (µs UTC), paused; times outside what is kept go to its ends. */
  seekTime(timestamp: number): Promise<void> {
    this.#place.forget();
    return this.#seeker.toTime(timestamp);
  }

  /** Shows the next (1) or the previous (-1) frame, paused. */
  async step(step: 1 | -1): Promise<void> {
    const from = this.shownFrame;
    if (!from) return;
    this.pause();
    this.#place.forget();
    if (await this.#seeker.step(from, step)) return;
    this.emit('notice', step === 1 ? 'This is the newest frame.' : 'This is the oldest frame that is kept.');
  }

  /** At the live edge, as far as the way in use goes. */
  get #atEdge(): boolean {
    const session = this.#ways.current;
    if (this.#paused || !session?.transport || session.halted || session.back) return false;
    return session.transport.dvr ? session.transport.dvr.live : true;
  }

  #begin(): void {
    this.#place.forget();
    this.#seeker.cancel();
    this.#blocked = false;
    if (this.#paused) this.#stalls.restart();
    this.#paused = false;
  }

  #goLive(): void {
    this.#ended = false;
    if (!this.#visibility?.hidden) this.#ways.live();
  }

  /** After a long pause: from the frame that it began with, where that is kept. */
  async #playFromPlace(): Promise<void> {
    const found = await this.#place.found();
    if (found === null || this.#closed) return;
    this.#begin();
    const dvr = found === true ? this.#ways.current?.transport?.dvr : null;
    if (dvr) dvr.play();
    else {
      this.emit('notice', `The picture goes on with what is new. ${found === true ? '' : found}`.trim());
      this.#goLive();
    }
    this.#tick();
  }

  /** The picture that was sought is there: it may go on the stage. */
  #onArrived(): void {
    const session = this.#ways.current;
    if (!session || this.#visible) return;
    this.#visible = true;
    if (session.last) this.#onShown(session, session.last);
  }

  #onShown(session: Session, picture: ShownPicture): void {
    if (!this.#visible) return;
    this.#ways.reveal();
    const { frame } = picture;
    const isNew = frame === null || frame.id !== this.#shown?.id;
    this.#shown = frame;
    this.#deep = session.transport?.deep ?? null;
    if (isNew) {
      this.#stalls.sawFrame();
      session.shown++;
      session.took();
    }
    if (!frame) return;
    this.#seeker.saw(frame.id);
    const now = this.#atEdge ? this.#watch.clock.now(picture.atMs) : null;
    if (isNew) {
      this.#latencyMs = now === null ? null : (now - frame.timestamp) / 1000;
      this.#figures.shown(picture.atMs, this.#latencyMs);
    }
    this.emit('frame', { ...frame, latencyMs: this.#latencyMs, repeat: picture.repeat });
    if (this.state !== 'playing' && isNew) this.#tick();
  }

  #onChanged(session: Session, previous: Session | null, reason: string): void {
    if (!session.back) this.#visible = true;
    this.#figures.reset();
    const before = previous?.row.name ?? null;
    const transport = session.row.name;
    if (before !== transport) this.emit('transportchange', { transport, previous: before, reason });
  }

  #onFailed(session: Session, failure: TransportFailure): void {
    void this.#watch.check();
    const { label } = session.row;
    if (session.back) this.emit('error', { code: 'unavailable', message: `Going back in time failed: ${failure.reason}.` });
    else {
      const code = failure.kind === 'unusable' ? 'not-acceptable' : 'unavailable';
      this.emit('error', { code, message: `${label}: ${failure.reason}.` });
    }
    // What was being watched is not there any more: the newest picture is better than none.
    if (!this.#paused && session === this.#ways.current && !this.#ways.wantsLive) this.#goLive();
    this.#tick();
  }

  #onWatch(): void {
    const { info, trouble } = this.#watch;
    this.#lookForSound();
    this.#ways.onSituation();
    this.emit('info', info);
    if (trouble === 'unknown-stream' || trouble === 'refused') this.#ways.unavailable();
    // Good news: nothing waits for the end of its back-off.
    else if (!trouble && this.#wasTrouble) this.#ways.fresh();
    this.#wasTrouble = trouble !== null;
    if (this.#ended && info?.state === 'live' && !this.#paused) {
      this.#ways.rest('the stream began anew');
      this.#goLive();
    }
    if (info && !this.#shown && (this.#paused || (info.state !== 'live' && info.state !== 'starting'))) this.#poster.show(info);
    this.#tick();
  }

  #tick(): void {
    if (this.#closed || this.#visibility?.hidden) return;
    this.#lookForSound();
    const session = this.#ways.current;
    if (session?.transport && !session.halted) this.#figures.sample(session.transport.stats());
    if (!this.live) this.#figures.pause();
    if (this.#wayBack.stale) void this.#watch.check();
    const { address } = this.#options;
    const { trouble } = this.#watch;
    const own = {
      paused: this.#paused,
      seeking: this.#seeker.active,
      blocked: this.#blocked,
      ended: this.#ended,
      connecting: this.#ways.connecting,
      transportTrouble: this.#ways.choice.trouble,
      name: address.name,
      host: address.host,
    };
    const previous = this.#stalls.update(own, this.now());
    if (!previous) return;
    const { status } = this.#stalls;
    this.emit('statechange', { ...status, previous: previous.state });
    if (status.state === 'error' && previous.state !== 'error')
      this.emit('error', { code: trouble ? TROUBLE_CODES[trouble] : 'unavailable', message: status.message });
  }

  #onHidden(): void {
    this.#place.hold();
    this.#ways.rest('the page is hidden');
  }

  #onSeen(): void {
    this.#stalls.restart();
    const shown = this.#shown;
    if (!this.#paused) {
      this.#goLive();
      this.#ways.fresh();
    } else if (shown && (this.#ways.current?.row.hasDvr ?? true)) this.seekFrame(shown.id).catch(() => {});
  }
}

function keptText(range: { start: number; end: number } | null): string {
  if (!range) return '';
  const text = (micros: number) => new Date(micros / 1000).toISOString();
  return ` Kept is what was captured from ${text(range.start)} to ${text(range.end)}.`;
}
