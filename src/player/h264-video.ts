// Fragments to pixels by Media Source: never copied by the page. Each fragment says that its frame lasts a second, because a frame that ends
// before the next one has come makes the browser drop everything up to the next key frame; so the newest picture's time, not the end of the
// buffer, says how far behind the playback is.
import { concatBytes } from '../formats/bytes.ts';
import { type FrameRow, FrameTable } from './frame-table.ts';
import { type H264Frame, type H264Init, type H264Sink, mediaSource } from './h264-sink.ts';
import type { ShownFrame, TransportContext } from './transport.ts';
import { VideoPicture } from './video-picture.ts';

const TICKS = 90_000;
/** How far the playback stays behind the newest picture, s: the browser needs one or two of them in front of it. */
const TARGET_S = 0.05;
const CONTROL_MS = 100;
/** More behind than this is not worth catching up by playing faster. */
const JUMP_S = 0.6;
/** Kept behind the playback, s. */
const KEEP_S = 15;
/** Fragments that may wait for the browser to take the one before. */
const MAX_WAITING = 90;
/** Rows of identities that are kept: half a minute at 60 fps. */
const MAX_ROWS = 2000;

export function openH264Video(context: TransportContext): H264Sink {
  return new H264Video(context);
}

class H264Video implements H264Sink {
  readonly picture = document.createElement('video');
  readonly name = 'Media Source';
  readonly #pictureNow = new VideoPicture(this.picture);
  readonly #context: TransportContext;
  readonly #source: MediaSource;
  readonly #url: string;
  readonly #table = new FrameTable(MAX_ROWS);
  readonly #timer: ReturnType<typeof setInterval>;
  #buffer: SourceBuffer | null = null;
  #codec = '';
  #waiting: (H264Init | H264Frame)[] = [];
  /** Media time of the first picture, s since the Unix epoch: playback times begin there. */
  #base: number | null = null;
  #newest = 0;
  #needKey = true;
  #halted = false;
  #lastPts = 0;
  #lost = 0;

  constructor(context: TransportContext) {
    this.#context = context;
    const Source = mediaSource()!;
    this.#source = new Source();
    const video = this.picture;
    video.muted = context.muted;
    video.volume = context.volume;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    this.#url = URL.createObjectURL(this.#source);
    video.src = this.#url;
    this.#source.addEventListener('sourceopen', () => this.#append());
    video.addEventListener('error', () => this.#fail(`the video could not be decoded (${video.error?.message || 'no reason given'})`));
    video.requestVideoFrameCallback(this.#onFrame);
    this.#timer = setInterval(() => this.#control(), CONTROL_MS);
  }

  get dropped(): number {
    return this.#lost + (this.picture.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0);
  }

  get bufferedSeconds(): number | null {
    return this.#base === null ? null : Math.max(0, this.#newest - this.picture.currentTime);
  }

  get playbackRate(): number {
    return this.picture.playbackRate;
  }

  frameNow(): ShownFrame | null | undefined {
    const now = this.#pictureNow.now();
    const row = now && this.#rowAt(now.mediaTime);
    return row && { id: row.id, timestamp: row.timestamp };
  }

  init(init: H264Init): void {
    if (!(mediaSource()?.isTypeSupported(mimeOf(init.codec)) ?? false)) return this.#fail(`this browser does not play ${init.codec}`);
    this.#needKey = true;
    this.#waiting.push(init);
    this.#append();
  }

  push(frame: H264Frame): void {
    if (this.#halted) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#needKey = true;
      this.#waiting = this.#waiting.filter((entry) => !('id' in entry));
    }
    if (this.#needKey && !frame.key) {
      this.#lost++;
      return;
    }
    this.#needKey = false;
    const { pts, id, timestamp, repeat } = frame;
    // Each row reaches to the next one.
    if (this.#lastPts) {
      const before = this.#table.nearest(this.#lastPts, 0);
      if (before) this.#table.add([{ ...before, duration: pts - before.pts }]);
    }
    this.#table.add([{ pts, id, timestamp, duration: TICKS, repeat, cc: 0 }]);
    this.#lastPts = pts;
    this.#waiting.push(frame);
    this.#append();
  }

  halt(): void {
    if (this.#halted) return;
    this.#halted = true;
    clearInterval(this.#timer);
    this.#waiting = [];
    this.picture.pause();
  }

  close(): void {
    this.halt();
    this.picture.removeAttribute('src');
    this.picture.load();
    URL.revokeObjectURL(this.#url);
  }

  setAudio(muted: boolean, volume: number): void {
    this.picture.muted = muted;
    this.picture.volume = volume;
  }

  /** Hands over what waits, as much as goes into one piece. */
  #append(): void {
    if (this.#halted || this.#source.readyState !== 'open' || this.#buffer?.updating) return;
    const first = this.#waiting[0];
    if (!first) return;
    try {
      if (!('id' in first)) {
        this.#waiting.shift();
        this.#open(first);
        this.#buffer!.appendBuffer(first.segment);
        return;
      }
      if (!this.#buffer) return;
      const frames: H264Frame[] = [];
      for (const entry of this.#waiting) {
        if (!('id' in entry)) break;
        frames.push(entry);
      }
      this.#waiting.splice(0, frames.length);
      if (this.#base === null) {
        this.#base = first.pts / TICKS;
        this.#buffer.timestampOffset = -this.#base;
      }
      this.#newest = frames.at(-1)!.pts / TICKS - this.#base;
      this.#buffer.appendBuffer(frames.length === 1 ? frames[0]!.fragment : concatBytes(frames.map(({ fragment }) => fragment)));
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #open(init: H264Init): void {
    if (!this.#buffer) {
      this.#buffer = this.#source.addSourceBuffer(mimeOf(init.codec));
      this.#buffer.addEventListener('updateend', () => this.#append());
    } else if (init.codec !== this.#codec) this.#buffer.changeType(mimeOf(init.codec));
    this.#codec = init.codec;
  }

  /** Keeps the playback just behind the newest picture. */
  #control(): void {
    const video = this.picture;
    const { buffered } = video;
    if (!buffered.length || this.#halted) return;
    const start = buffered.start(buffered.length - 1);
    const lag = this.#newest - video.currentTime;
    if (video.currentTime < start || lag > JUMP_S) video.currentTime = Math.max(start, this.#newest - TARGET_S);
    else if (lag > TARGET_S * 2) video.playbackRate = 1.1;
    else if (lag > TARGET_S * 1.4) video.playbackRate = 1.04;
    else if (lag < TARGET_S * 0.4) video.playbackRate = 0.94;
    else video.playbackRate = 1;
    if (video.paused) video.play().catch((error: unknown) => this.#onBlocked(error));
    const from = buffered.start(0);
    if (video.currentTime - from > KEEP_S * 2 && this.#buffer && !this.#buffer.updating) {
      this.#buffer.remove(from, video.currentTime - KEEP_S);
    }
  }

  #onBlocked(error: unknown): void {
    if (error instanceof DOMException && error.name === 'NotAllowedError' && !this.#halted) this.#context.events.blocked();
  }

  #onFrame = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    // The one that was on its way when it was halted is the one that stays.
    if (!this.#halted) this.picture.requestVideoFrameCallback(this.#onFrame);
    this.#pictureNow.shown(metadata);
    const row = this.#rowAt(metadata.mediaTime);
    this.#context.events.shown({
      frame: row && { id: row.id, timestamp: row.timestamp },
      repeat: row?.repeat ?? false,
      atMs: metadata.expectedDisplayTime,
    });
  };

  #rowAt(mediaTime: number): FrameRow | null {
    return this.#base === null ? null : this.#table.nearest((mediaTime + this.#base) * TICKS);
  }

  #fail(reason: string): void {
    if (!this.#halted) this.#context.events.failed({ kind: 'unusable', reason });
  }
}

function mimeOf(codec: string): string {
  return `video/mp4; codecs="${codec}"`;
}
