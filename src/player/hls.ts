// HLS: hls.js feeds the <video>; the identity of each picture is read from the very bytes that are played.
import type * as Engine from 'hls.js';
import type { ErrorData, Fragment, LevelDetails } from 'hls.js';
import { readIdentities } from '../formats/fmp4-read.ts';
import { type FrameRow, FrameTable } from './frame-table.ts';
import { type FetchedPlaylist, loadEngine } from './hls-engine.ts';
import { HlsSeek } from './hls-seek.ts';
import { LiveEdgeController } from './live-edge.ts';
import { applySound, SoundMeter } from './media-sound.ts';
import { openNativeHls } from './native-hls.ts';
import type { Dvr, SeekTarget, ShownFrame, Transport, TransportContext, TransportStats } from './transport.ts';
import { VideoPicture } from './video-picture.ts';

const TICKS = 90_000;
const CONTROL_MS = 250;
/** So much is loaded around what the live playlist lists no more, µs. */
const ASIDE_BEFORE_US = 20_000_000;
const ASIDE_AFTER_US = 300_000_000;
/** Into the frame, s, not on its edge: rounding in the browser would else show the one before. Shorter frames: half of them. */
const INSIDE = 0.001;

/** Seconds from the start of a picture to the place inside it that is asked for. Late frames can follow each other by single ticks. */
function inside(row: FrameRow | null): number {
  return row && row.duration > 0 ? Math.min(INSIDE, row.duration / TICKS / 2) : INSIDE;
}

/** Opens HLS with hls.js or, only where Media Source is missing, the browser's own player (Chromium's has no way back in time). */
export async function openHls(context: TransportContext): Promise<Transport> {
  const loaded = await loadEngine(context);
  return loaded ? new HlsTransport(context, loaded.engine, loaded.first) : openNativeHls(context);
}

class HlsTransport implements Transport, Dvr {
  readonly picture = document.createElement('video');
  readonly table = new FrameTable();
  readonly #pictureNow = new VideoPicture(this.picture);
  readonly #context: TransportContext;
  readonly #engine: typeof Engine;
  readonly #hls: Engine.default;
  readonly #edge = new LiveEdgeController();
  /** Stream time minus media time in seconds, by discontinuity. */
  readonly #offsets = new Map<number, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #seek: HlsSeek;
  #buffers: readonly { readonly updating: boolean }[] = [];
  #shown: FrameRow | null = null;
  #live = true;
  #pausedAt = 0;
  /** On its way to the live edge. */
  #arriving = false;
  /** What the live playlist lists no more was asked for: a closed playlist round it is played instead. */
  #aside = false;
  /** Range of the live playlist when it was played last. */
  #liveRange: { start: number; end: number; atMs: number } | null = null;
  #meter: SoundMeter | null = null;
  #bytes = 0;
  #recovered = 0;
  #halted = false;
  #closed = false;

  constructor(context: TransportContext, engine: typeof Engine, first: FetchedPlaylist | null) {
    this.#context = context;
    this.#engine = engine;
    const { Events } = engine;
    const video = this.picture;
    video.playsInline = true;
    // ManagedMediaSource demands it (WebKit).
    video.disableRemotePlayback = true;
    video.preload = 'auto';
    this.setAudio(context.muted, context.volume);
    this.#live = !context.startPaused;

    this.#seek = new HlsSeek(video, {
      shown: () => this.#shown,
      mediaTime: (pts) => (this.#lists(pts) ? this.#mediaTime(pts) : null),
      loadFrom: (at) => this.#loadFrom(at),
      appending: () => this.#buffers.some(({ updating }) => updating),
      loadAnew: (at) => this.#loadAnew(at),
    });
    const onBytes = (data: ArrayBuffer, fragment: Fragment) => this.#read(data, fragment);
    class IdentityLoader extends engine.XhrLoader {
      override load(...[loaderContext, config, callbacks]: Parameters<Engine.XhrLoader['load']>): void {
        const fragment = (loaderContext as { frag?: Fragment }).frag;
        super.load(loaderContext, config, {
          ...callbacks,
          onSuccess: (response, stats, own, details) => {
            // Before hls.js: it hands the buffer on to the browser.
            if (fragment && response.data instanceof ArrayBuffer) onBytes(response.data, fragment);
            callbacks.onSuccess(response, stats, own, details);
          },
        });
      }
    }
    let ahead = first;
    class PlaylistLoader extends engine.XhrLoader {
      override load(...[loaderContext, config, callbacks]: Parameters<Engine.XhrLoader['load']>): void {
        const fetched = ahead;
        ahead = null;
        if (fetched?.url !== loaderContext.url) return super.load(loaderContext, config, callbacks);
        this.context = loaderContext;
        const { stats } = this;
        stats.loading = { start: performance.now(), first: performance.now(), end: performance.now() };
        stats.loaded = stats.total = fetched.text.length;
        queueMicrotask(() => callbacks.onSuccess({ url: fetched.url, data: fetched.text, code: 200 }, stats, loaderContext, null));
      }
    }
    const retry = { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 1500, backoff: 'exponential' } as const;
    this.#hls = new engine.default({
      fLoader: IdentityLoader as never,
      pLoader: PlaylistLoader as never,
      lowLatencyMode: true,
      liveSyncDuration: this.#edge.target,
      liveSyncOnStallIncrease: 0.2,
      // Its own catch-up needs more than a second of buffer; ours is in live-edge.ts.
      maxLiveSyncPlaybackRate: 1,
      backBufferLength: 30,
      maxBufferLength: 20,
      enableWorker: false,
      startFragPrefetch: true,
      preferManagedMediaSource: true,
      enableDateRangeMetadataCues: false,
      enableEmsgMetadataCues: false,
      enableID3MetadataCues: false,
      manifestLoadPolicy: {
        default: {
          maxTimeToFirstByteMs: 15_000,
          maxLoadTimeMs: 20_000,
          timeoutRetry: { ...retry, maxNumRetry: 1 },
          errorRetry: { ...retry, maxNumRetry: 0 },
        },
      },
      playlistLoadPolicy: {
        default: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 20_000, timeoutRetry: { ...retry, maxNumRetry: 2 }, errorRetry: retry },
      },
      fragLoadPolicy: {
        default: { maxTimeToFirstByteMs: 9_000, maxLoadTimeMs: 60_000, timeoutRetry: { ...retry, maxNumRetry: 2 }, errorRetry: retry },
      },
    });
    const hls = this.#hls;
    hls.on(Events.ERROR, (_event, data) => this.#onError(data));
    this.#tellLoads(hls, Events);
    hls.on(Events.INIT_PTS_FOUND, (_event, data) => {
      if (data.frag.type !== 'main') return;
      // A tick earlier: rounded to µs, the first frame of the window may lie before 0, and a browser then drops all up to the next key frame.
      const start = data.initPTS - 1;
      const own = data.timestampOffsets[data.frag.cc];
      if (own) own.baseTime = start;
      this.#offsets.set(data.frag.cc, start / data.timescale);
      this.#seek.retarget();
    });
    hls.on(Events.LEVEL_LOADED, (_event, data) => {
      if (this.#aside) this.#seek.retarget();
      else if (!data.details.live) this.#onEndList(data.details);
    });
    hls.loadSource(context.address.live('hls/index.m3u8'));
    hls.attachMedia(video);

    video.addEventListener('waiting', () => {
      if (this.#live && !video.seeking && this.#shown) this.#edge.stalled(performance.now());
    });
    video.addEventListener('seeked', () => this.#onSeeked());
    video.addEventListener('canplay', () => this.#start(), { once: true });
    video.requestVideoFrameCallback(this.#onFrame);
    video.addEventListener('timeupdate', () => this.#soundGoesOn());
    this.#timer = setInterval(() => this.#control(), CONTROL_MS);
  }

  /** Where there are no pictures, playing is what tells that the way works. */
  #soundGoesOn(): void {
    if (!this.#halted && this.#context.soundOnly() && !this.picture.paused)
      this.#context.events.shown({ frame: null, repeat: false, atMs: performance.now() });
  }

  level(): number | null {
    // The taps of browsers copy pictures too.
    if (!this.#context.soundOnly()) return null;
    this.#meter ??= new SoundMeter(this.picture);
    return this.#meter.level();
  }

  /** A seek waits for what is on its way. */
  #tellLoads(hls: Engine.default, Events: typeof Engine.Events): void {
    const seek = this.#seek;
    // A seek is for a picture; its sound follows by itself.
    const pictures = ({ frag }: { frag: Fragment }) => frag.type === 'main';
    hls.on(Events.FRAG_LOADING, (_event, data) => {
      if (pictures(data)) seek.loading((data.part ?? data.frag).start, (data.part ?? data.frag).stats);
    });
    hls.on(Events.FRAG_BUFFERED, (_event, data) => {
      if (pictures(data)) seek.loaded((data.part ?? data.frag).stats);
    });
    hls.on(Events.BUFFER_CREATED, (_event, { tracks }) => {
      this.#buffers = Object.values(tracks).flatMap(({ buffer }) => buffer ?? []);
    });
    hls.on(Events.ERROR, (_event, { frag, part }) => frag?.type === 'main' && seek.loaded((part ?? frag).stats));
  }

  get dvr(): Dvr {
    return this;
  }

  get live(): boolean {
    return this.#live && !this.picture.paused;
  }

  get paused(): boolean {
    return this.picture.paused;
  }

  range(): { start: number; end: number } | null {
    if (!this.#aside) return this.#listed();
    const live = this.#liveRange;
    return live && { start: live.start, end: live.end + (performance.now() - live.atMs) * 1000 };
  }

  /** First and last time of the playlist that is played, µs. */
  #listed(): { start: number; end: number } | null {
    const details = this.#hls.latestLevelDetails;
    const first = details?.fragments.find((fragment) => fragment.programDateTime !== null);
    if (!details || !first) return null;
    const start = first.programDateTime! * 1000;
    return { start, end: start + (details.edge - first.start) * 1_000_000 };
  }

  pause(): void {
    if (this.picture.paused) return;
    this.#pausedAt = performance.now();
    this.picture.pause();
  }

  play(): void {
    // After a short pause the live edge is still near: catch up. After a longer one go on from here, as people expect of a recorder.
    if (this.#live && performance.now() - this.#pausedAt > 3000) this.#live = false;
    this.picture.play().catch((error: unknown) => this.#onPlayRefused(error));
  }

  goLive(): void {
    this.#seek.abandon(new DOMException('The live edge was asked for.', 'AbortError'));
    this.#live = true;
    if (this.#aside) {
      this.#load(null);
      this.picture.addEventListener('canplay', () => this.#start(), { once: true });
      return;
    }
    const position = this.#hls.liveSyncPosition;
    if (position !== null && Math.abs(position - this.picture.currentTime) > 0.5) {
      this.picture.currentTime = position;
      this.#arriving = true;
    }
    this.picture.play().catch((error: unknown) => this.#onPlayRefused(error));
  }

  seek(target: SeekTarget, signal: AbortSignal): Promise<void> {
    this.#seek.abandon(new DOMException('A newer seek replaced this one.', 'AbortError'));
    this.#live = false;
    this.picture.pause();
    this.picture.playbackRate = 1;
    const arrived = this.#seek.begin(target.pts, signal);
    if (!this.#seek.aims) this.#turnTo(target.pts);
    return arrived;
  }

  /** Whether the playlist that is played reaches so far. The live end grows. */
  #lists(pts: number): boolean {
    const range = this.#listed();
    const time = (pts / 9) * 100;
    return range !== null && time > range.start - 1000 && (!this.#aside || time < range.end);
  }

  /** Loads the playlist that has a media time: the live one, or a closed one round it. */
  #turnTo(pts: number): void {
    const time = (pts / 9) * 100;
    const live = this.range();
    if (!this.#aside && live) this.#liveRange = { ...live, atMs: performance.now() };
    this.#load(live && time >= live.start ? null : { start: time - ASIDE_BEFORE_US, end: time + ASIDE_AFTER_US });
  }

  #load(span: { start: number; end: number } | null): void {
    this.#aside = span !== null;
    this.#offsets.clear();
    this.table.clear();
    this.#shown = null;
    const query = span ? { start: Math.floor(span.start), end: Math.ceil(span.end) } : {};
    this.#hls.loadSource(this.#context.address.live('hls/index.m3u8', query));
  }

  halt(): void {
    if (this.#halted) return;
    this.#halted = true;
    this.#seek.abandon(new DOMException('The player changed its transport.', 'AbortError'));
    clearInterval(this.#timer);
    this.#hls.stopLoad();
    this.picture.pause();
  }

  close(): void {
    if (this.#closed) return;
    this.halt();
    this.#closed = true;
    this.#meter?.close();
    this.#hls.destroy();
    this.picture.removeAttribute('src');
    this.picture.load();
  }

  frameNow(): ShownFrame | null | undefined {
    const now = this.#pictureNow.now();
    const row = now && this.#rowAt(now.mediaTime);
    return row && { id: row.id, timestamp: row.timestamp };
  }

  stats(): TransportStats {
    const video = this.picture;
    return {
      atMs: performance.now(),
      bytes: this.#bytes,
      dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      decoder: 'Media Source',
      bufferedSeconds: this.#ahead(),
      playbackRate: video.playbackRate,
      quality: null,
      network: null,
    };
  }

  setAudio(muted: boolean, volume: number): void {
    applySound(this.picture, muted, volume, () => this.#context.events.silenced());
  }

  #start(): void {
    if (this.#halted || this.#seek.active || !this.#live) return;
    this.#catchUp();
    this.picture.play().catch((error: unknown) => this.#onPlayRefused(error));
  }

  /** Loading took a while: begin at the live edge of now, not of when it was asked for, where that is loaded already. */
  #catchUp(): void {
    const position = this.#hls.liveSyncPosition;
    const { buffered, currentTime } = this.picture;
    if (position === null || !buffered.length) return;
    const at = Math.min(position, buffered.end(buffered.length - 1) - 0.15);
    if (at - currentTime > 0.1) this.picture.currentTime = at;
  }

  #onPlayRefused(error: unknown): void {
    if (error instanceof DOMException && error.name === 'NotAllowedError' && !this.#halted) this.#context.events.blocked();
  }

  /** The bytes of a segment or part as they came from the server. */
  #read(data: ArrayBuffer, fragment: Fragment): void {
    this.#bytes += data.byteLength;
    if (fragment.type !== 'main') return;
    this.table.add(
      readIdentities(new Uint8Array(data)).map(({ pts, duration, identity: { id, timestamp, repeat } }) => {
        return { pts, duration, id, timestamp, repeat, cc: fragment.cc };
      }),
    );
  }

  #onFrame = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    if (this.#halted) return;
    this.picture.requestVideoFrameCallback(this.#onFrame);
    this.#pictureNow.shown(metadata);
    const row = this.#rowAt(metadata.mediaTime);
    this.#shown = row;
    this.#context.events.shown({
      frame: row && { id: row.id, timestamp: row.timestamp },
      repeat: row?.repeat ?? false,
      atMs: metadata.expectedDisplayTime,
    });
    this.#seek.showed(row);
  };

  /** Media times of different discontinuities do not overlap, so at most one offset leads to a row of its own discontinuity. */
  #rowAt(mediaTime: number): FrameRow | null {
    for (const cc of [...this.#offsets.keys()].reverse()) {
      const row = this.table.nearest((mediaTime + this.#offsets.get(cc)!) * TICKS);
      if (row?.cc === cc) return row;
    }
    return null;
  }

  /** Where a picture lies on the media timeline; an estimate where its discontinuity was not loaded yet. */
  #mediaTime(pts: number): number | null {
    const row = this.table.nearest(pts, 0);
    const known = row && this.#offsets.get(row.cc);
    if (row && known !== undefined && known !== null) return row.pts / TICKS - known + inside(row);
    const ms = (pts / TICKS) * 1000;
    const fragment = this.#fragments().findLast((candidate) => candidate.programDateTime !== null && candidate.programDateTime <= ms + 1);
    if (!fragment) return null;
    const offset = this.#offsets.get(fragment.cc);
    if (offset !== undefined) return pts / TICKS - offset + INSIDE;
    return fragment.start + (ms - fragment.programDateTime!) / 1000 + INSIDE;
  }

  /** Of the playlist, the growing one too. */
  #fragments(): Fragment[] {
    const details = this.#hls.latestLevelDetails;
    if (!details) return [];
    return details.fragmentHint ? [...details.fragments, details.fragmentHint] : details.fragments;
  }

  #onSeeked(): void {
    if (this.#arriving && this.#live) this.#catchUp();
    this.#arriving = false;
    this.#seek.seeked();
  }

  /** hls.js would begin at the live edge, and go there with the first that is loaded, even after the picture that was sought has come. A closed
   *  playlist begins at its start, and is never loaded twice. */
  #loadFrom(at: number): void {
    if (!this.#aside && !this.#hls.hasEnoughToStart) this.#hls.startLoad(at, true);
  }

  /** hls.js takes a fragment whose last part is there for complete, and never loads the parts before the one that playback began with:
   *  what is there of it is thrown away, so that it is loaded whole. A little more on both sides, because it takes a part that is shorter
   *  than its `maxBufferHole` (0.1 s) for buffered when its neighbour is. */
  #loadAnew(at: number): void {
    const fragment = this.#fragments().find(({ start, end }) => start <= at && at < end);
    if (!fragment) return;
    const startOffset = Math.max(0, fragment.start - 0.2);
    this.#hls.trigger(this.#engine.Events.BUFFER_FLUSHING, { startOffset, endOffset: fragment.end + 0.2, type: 'video' });
  }

  #control(): void {
    const video = this.picture;
    if (this.#seek.active) return this.#seek.insist();
    if (!this.#live || video.paused || video.seeking || !this.#hls.latestLevelDetails?.live || !this.#shown) return;
    const { rate, jump } = this.#edge.step(performance.now(), this.#hls.latency, this.#ahead());
    if (jump) this.goLive();
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  #ahead(): number {
    const { buffered, currentTime } = this.picture;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) >= currentTime) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  #onEndList(details: LevelDetails): void {
    if (this.#live && !this.#shown) this.picture.currentTime = Math.max(0, details.edge - 0.1);
    this.#live = false;
    this.#context.events.ended();
  }

  /** A server that was started anew has whole segments only: their parts are asked for no more. hls.js would, until its next playlist. */
  #forgetParts({ details, part, frag, response }: ErrorData): void {
    const level = this.#hls.latestLevelDetails;
    if (details !== this.#engine.ErrorDetails.FRAG_LOAD_ERROR || !part || response?.code !== 404 || !level?.partList) return;
    const others = level.partList.filter(({ fragment }) => fragment.sn !== frag?.sn);
    level.partList = others.length ? others : null;
  }

  #onError(data: ErrorData): void {
    this.#forgetParts(data);
    if (!data.fatal || this.#halted) return;
    const { ErrorDetails, ErrorTypes } = this.#engine;
    if (
      data.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR ||
      data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR
    ) {
      this.#fail('unusable', 'this browser cannot decode H.264');
    } else if (data.type === ErrorTypes.MEDIA_ERROR && this.#recovered < 2) {
      this.#recovered++;
      this.#hls.recoverMediaError();
    } else if (data.type === ErrorTypes.NETWORK_ERROR && this.#aside) {
      // What was kept has gone meanwhile.
      this.#seek.abandon(new DOMException('It is no longer kept.', 'NotFoundError'));
      this.#load(null);
    } else if (data.type === ErrorTypes.NETWORK_ERROR) {
      this.#fail('lost', networkReason(data, ErrorDetails));
    } else this.#fail('lost', `the video could not be played (${data.details})`);
  }

  #fail(kind: 'unusable' | 'lost', reason: string): void {
    this.halt();
    this.#context.events.failed({ kind, reason });
  }
}

function networkReason(data: ErrorData, ErrorDetails: typeof Engine.ErrorDetails): string {
  const what = data.details.startsWith('frag') ? 'a segment' : 'the playlist';
  if (data.details === ErrorDetails.MANIFEST_PARSING_ERROR || data.details === ErrorDetails.LEVEL_PARSING_ERROR)
    return 'the playlist cannot be read';
  const status = data.response?.code;
  if (data.details.endsWith('TimeOut')) return `${what} did not come in time`;
  return status ? `${what} could not be loaded (status ${status})` : `${what} could not be loaded`;
}
