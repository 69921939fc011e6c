// HLS by the browser's own player, for browsers without any Media Source (iPhone before iOS 17.1). The media bytes stay hidden there, so
// pictures are named by the playlist's wall clock and the stream's timeline.
import { FrameTable } from './frame-table.ts';
import { applySound } from './media-sound.ts';
import { framesAround } from './timeline-lookup.ts';
import type { Dvr, SeekTarget, Transport, TransportContext, TransportStats } from './transport.ts';

/** The playlist's PROGRAM-DATE-TIME has milliseconds. */
const TOLERANCE_TICKS = 180;

export function openNativeHls(context: TransportContext): Transport {
  return new NativeHlsTransport(context);
}

interface DatedVideo extends HTMLVideoElement {
  /** HTML Living Standard; WebKit has it, for HLS from PROGRAM-DATE-TIME. */
  getStartDate?(): Date;
}

class NativeHlsTransport implements Transport, Dvr {
  readonly picture: DatedVideo = document.createElement('video');
  readonly table = new FrameTable();
  readonly #context: TransportContext;
  readonly #abort = new AbortController();
  #looking = false;
  #live = true;

  constructor(context: TransportContext) {
    this.#context = context;
    const video = this.picture;
    video.playsInline = true;
    this.setAudio(context.muted, context.volume);
    const { signal } = this.#abort;
    video.addEventListener('error', () => this.#fail(video.error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED), { signal });
    video.addEventListener('ended', () => context.events.ended(), { signal });
    video.requestVideoFrameCallback(this.#onFrame);
    video.src = context.address.live('hls/index.m3u8');
    this.#live = !context.startPaused;
    if (this.#live) this.#play();
    else video.load();
  }

  get dvr(): Dvr {
    return this;
  }

  get live(): boolean {
    return this.#live && !this.paused;
  }

  get paused(): boolean {
    return this.picture.paused;
  }

  range(): { start: number; end: number } | null {
    const { seekable } = this.picture;
    const zero = this.#zero();
    if (zero === null || !seekable.length) return null;
    return { start: zero + seekable.start(0) * 1_000_000, end: zero + seekable.end(seekable.length - 1) * 1_000_000 };
  }

  pause(): void {
    this.picture.pause();
  }

  play(): void {
    this.#live = false;
    this.#play();
  }

  goLive(): void {
    this.#live = true;
    const { seekable } = this.picture;
    if (seekable.length) this.picture.currentTime = seekable.end(seekable.length - 1);
    this.#play();
  }

  async seek(target: SeekTarget, signal: AbortSignal): Promise<void> {
    const zero = this.#zero();
    if (zero === null) throw new DOMException('This browser does not tell the time of its pictures.', 'NotSupportedError');
    this.#live = false;
    this.picture.pause();
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.picture.addEventListener('seeked', () => resolve(), { once: true });
      this.picture.currentTime = ((target.pts * 100) / 9 - zero) / 1_000_000 + 0.001;
    });
  }

  halt(): void {
    this.#abort.abort();
    this.picture.pause();
  }

  close(): void {
    this.halt();
    this.picture.removeAttribute('src');
    this.picture.load();
  }

  stats(): TransportStats {
    const dropped = this.picture.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0;
    return {
      atMs: performance.now(),
      // The browser does not tell.
      bytes: 0,
      dropped,
      decoder: 'the browser',
      bufferedSeconds: null,
      playbackRate: this.picture.playbackRate,
      quality: null,
      network: null,
    };
  }

  setAudio(muted: boolean, volume: number): void {
    applySound(this.picture, muted, volume, () => this.#context.events.silenced());
  }

  #play(): void {
    this.picture.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#context.events.blocked();
    });
  }

  #fail(unusable: boolean): void {
    if (this.#abort.signal.aborted) return;
    this.halt();
    this.#context.events.failed(
      unusable ? { kind: 'unusable', reason: 'this browser cannot play HLS' } : { kind: 'lost', reason: 'the video could not be loaded' },
    );
  }

  /** Capture time of media time 0 in µs. */
  #zero(): number | null {
    const ms = this.picture.getStartDate?.().getTime();
    return ms === undefined || Number.isNaN(ms) ? null : ms * 1000;
  }

  #onFrame = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    if (this.#abort.signal.aborted) return;
    this.picture.requestVideoFrameCallback(this.#onFrame);
    const zero = this.#zero();
    const timestamp = zero === null ? null : zero + metadata.mediaTime * 1_000_000;
    const row = timestamp === null ? null : this.table.nearest((timestamp * 9) / 100, TOLERANCE_TICKS);
    if (!row && timestamp !== null) this.#look(timestamp);
    this.#context.events.shown({
      frame: row && { id: row.id, timestamp: row.timestamp },
      repeat: row?.repeat ?? false,
      atMs: metadata.expectedDisplayTime,
    });
  };

  #look(timestamp: number): void {
    if (this.#looking) return;
    this.#looking = true;
    framesAround(this.#context.address, { start: timestamp - 1_000_000, end: timestamp + 10_000_000 }, this.#abort.signal)
      .then((rows) => this.table.add(rows))
      .catch(() => {})
      .finally(() => setTimeout(() => (this.#looking = false), 1000));
  }
}
