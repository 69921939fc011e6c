// One rendition inside a media worker: takes frames from the ring in order, decides what must be a key frame and what is repeated, and
// sends packets. Media time = capture time; segments of the 2 s grid begin with a key frame (DESIGN 6).
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { toSluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import { Throttle } from '../core/throttle.ts';
import { type Micros, type Ticks, toMicros, toTicks } from '../core/time.ts';
import type { ViewSettings } from '../core/view.ts';
import type { EncodedPicture, EncoderSession } from '../encoders/encoder.ts';
import { ENCODERS, openEncoder } from '../encoders/index.ts';
import { toSample } from '../formats/h264.ts';
import { insertJpegIdentity } from '../formats/jpeg-segment.ts';
import { DEFAULT_GOP_TICKS, GRID_TICKS, LOST_AFTER_MS, PART_TICKS } from './grid.ts';
import { MediaTime } from './media-time.ts';
import type { EncodeEvent, JobCommand, JobSpec, PlainError } from './messages.ts';
import { plainError } from './plain-error.ts';
import { RingFeed } from './ring-feed.ts';

/** A repeat waits this much longer than a part lasts, so that a frame which is merely late still comes first. */
const REPEAT_SLACK_US = 40_000;
/** Least time between two forced key frames, µs. */
const FORCED_KEY_US = 500_000;

/** How the identity gets into a packet. */
const WRITERS = { sei: toSample, app9: insertJpegIdentity, own: (data: Uint8Array) => data };

export async function runEncodeJob(spec: Extract<JobSpec, { kind: 'encode' }>, port: MessagePort, clock: Clock): Promise<void> {
  const job = new EncodeJob(spec, port, clock);
  let failure: PlainError | null = null;
  try {
    await job.run();
  } catch (error) {
    failure = plainError(toSluiceError(error, 'encoder-failed'));
  }
  port.postMessage({ type: 'end', error: failure } satisfies EncodeEvent);
  port.close();
}

class EncodeJob {
  readonly #spec: Extract<JobSpec, { kind: 'encode' }>;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #row;
  #view: ViewSettings;
  #session: EncoderSession | null = null;
  readonly #feed: RingFeed;
  #stopped = false;

  #track: EncodedPicture['track'] | null = null;
  #lastPts = 0;
  readonly #media = new MediaTime();
  /** How late the last frame was, µs: arrival after its media time. */
  #lag = 0;
  /** The last packet was a repeat, or a frame that came after its repeat. */
  #behindRepeat = false;
  #lastFrame: FrameInfo | null = null;
  /** Clock time at which the last real frame came. */
  #lastArrival = 0;
  #forceKey = true;
  #lastKeyAt = 0;
  #lastKeyPts = 0;
  #throttle: Throttle | null = null;

  constructor(spec: Extract<JobSpec, { kind: 'encode' }>, port: MessagePort, clock: Clock) {
    this.#spec = spec;
    this.#port = port;
    this.#clock = clock;
    this.#view = spec.view;
    this.#row = ENCODERS[spec.settings.codec];
    this.#feed = new RingFeed(spec.reader, spec.ring);
    port.on('message', (command: JobCommand) => this.#command(command));
  }

  async run(): Promise<void> {
    await using session = await openEncoder(this.#spec.settings);
    this.#session = session;
    session.setView?.(this.#view);
    while (!this.#stopped) {
      const lent = this.#feed.take();
      if (!lent) {
        const wait = await this.#repeatIfDue();
        if (wait > 0) await this.#feed.wait(wait);
      } else {
        try {
          await this.#frame(lent.info, lent.slot);
        } finally {
          lent.done();
        }
      }
      // Lets commands in: everything above may have run without giving up the thread.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #command(command: JobCommand): void {
    if (command.type === 'stop') this.#stopped = true;
    else if (command.type === 'key') this.#forceKey = true;
    else if (command.type === 'change') this.#session?.change?.(command.settings);
    else if (command.type === 'view') {
      this.#view = command.view;
      this.#session?.setView?.(command.view);
    } else if (command.type === 'ring') this.#feed.add(command.ring);
    this.#feed.wake();
  }

  /** Milliseconds to wait for the next repeat; 0 = one was sent just now. */
  async #repeatIfDue(): Promise<number> {
    if (!this.#repeats || !this.#lastFrame) return 1000;
    const now = this.#clock.now();
    // After ten seconds the source counts as lost: no more repeats, the gap is marked.
    if (now - this.#lastArrival > LOST_AFTER_MS * 1000) return 1000;
    const dueAt = toMicros((this.#lastPts + PART_TICKS) as Ticks) + Math.max(0, this.#lag) + REPEAT_SLACK_US;
    if (now < dueAt) return Math.max(1, Math.ceil((dueAt - now) / 1000));
    await this.#repeat((this.#lastPts + PART_TICKS) as Ticks);
    return 0;
  }

  /** Whether the last picture is shown once more where none comes. */
  get #repeats(): boolean {
    return this.#row.interCoded && !!this.#session?.repeat && !this.#exact;
  }

  /** As many pictures come out as went in. */
  get #exact(): boolean {
    const { settings } = this.#spec;
    return 'repeats' in settings && settings.repeats === false;
  }

  async #repeat(pts: Ticks): Promise<void> {
    const frame = this.#lastFrame!;
    const boundary = this.#boundary(pts);
    const key = this.#needsKey(pts, boundary);
    const started = performance.now();
    const picture = await this.#session!.repeat!({ pts, key, boundary });
    if (picture) this.#send(frame, pts, true, picture, started);
  }

  async #frame(info: FrameInfo, pixels: Uint8Array): Promise<void> {
    const { notBefore } = this.#spec;
    const media = this.#row.interCoded
      ? this.#media.of(info, this.#lastPts, notBefore)
      : { pts: toTicks(info.timestamp) as number, epoch: false };
    let { pts } = media;
    if (pts < notBefore) return this.#skip(info, 'too-early');
    if (this.#thinned(info)) return this.#skip(info, 'thinned');
    if (this.#row.interCoded) {
      if (pts <= this.#lastPts) {
        // Frames that came later than the repeat which stood in for them follow it tick by tick: none is lost, and their true times
        // are in their SEI. So do those whose times had to be squeezed together while a sender's clock was not known well.
        if (!(this.#behindRepeat || this.#exact) || this.#lastPts - pts > GRID_TICKS) return this.#skip(info, 'late');
        pts = this.#lastPts + 1;
      } else this.#behindRepeat = false;
      // By the clock, or by the capture times: filling up years would never end.
      const lost = this.#clock.now() - this.#lastArrival > LOST_AFTER_MS * 1000 || pts - this.#lastPts >= LOST_AFTER_MS * 90;
      if (lost) this.#forceKey = true;
      // No part may last longer than the part target: fill up before a frame that follows after more than that.
      else
        while (this.#repeats && this.#lastFrame && pts - this.#lastPts > PART_TICKS)
          await this.#repeat((this.#lastPts + PART_TICKS) as Ticks);
      if (media.epoch) this.#beginEpoch();
    }
    const boundary = this.#boundary(pts as Ticks);
    const started = performance.now();
    try {
      const key = this.#needsKey(pts as Ticks, boundary);
      const picture = await this.#session!.encode(info, pixels, { pts: pts as Ticks, key, boundary });
      this.#lastFrame = info;
      this.#lastArrival = this.#clock.now();
      this.#lag = this.#lastArrival - toMicros(pts as Ticks);
      if (picture) this.#send(info, pts as Ticks, false, picture, started);
    } catch (error) {
      this.#forceKey = true;
      this.#port.postMessage({
        type: 'failed',
        id: info.id,
        error: plainError(toSluiceError(error, 'encoder-failed')),
      } satisfies EncodeEvent);
    }
  }

  /** The capture clock was set: the track is told anew, which readers take for a discontinuity, and begins with a key frame at once. */
  #beginEpoch(): void {
    this.#track = null;
    this.#forceKey = true;
    this.#lastKeyAt = 0;
  }

  /** Whether the rendition's own frame rate leaves this frame out. */
  #thinned(info: FrameInfo): boolean {
    const { settings } = this.#spec;
    if (!('fps' in settings) || !settings.fps) return false;
    this.#throttle ??= new Throttle(settings.fps);
    return !this.#throttle.takes(info.timestamp);
  }

  #boundary(pts: Ticks): boolean {
    return Math.floor(pts / GRID_TICKS) !== Math.floor(this.#lastPts / GRID_TICKS);
  }

  #needsKey(pts: Ticks, boundary: boolean): boolean {
    if (!this.#row.interCoded) return true;
    const { settings } = this.#spec;
    const gop = settings.codec === 'h264' && settings.gop ? settings.gop * 90_000 : DEFAULT_GOP_TICKS;
    const forced = this.#forceKey && this.#clock.now() - this.#lastKeyAt >= FORCED_KEY_US;
    return boundary || forced || pts - this.#lastKeyPts >= gop;
  }

  #skip(info: FrameInfo, policy: 'thinned' | 'late' | 'too-early'): void {
    this.#port.postMessage({ type: 'skip', policy, id: info.id } satisfies EncodeEvent);
  }

  #send(frame: FrameInfo, pts: Ticks, repeat: boolean, picture: EncodedPicture, started: number): void {
    if (picture.track !== this.#track) {
      this.#track = picture.track;
      this.#port.postMessage({ type: 'track', track: picture.track } satisfies EncodeEvent);
    }
    if (picture.key) {
      this.#forceKey = false;
      this.#lastKeyAt = this.#clock.now();
      this.#lastKeyPts = pts;
    }
    this.#lastPts = pts;
    if (repeat) this.#behindRepeat = true;
    const identity = { id: frame.id, timestamp: frame.timestamp, pts, repeat };
    const data = WRITERS[this.#row.identity](picture.data, identity);
    const event: EncodeEvent = {
      type: 'packet',
      id: frame.id,
      timestamp: frame.timestamp,
      pts,
      key: picture.key,
      repeat,
      data,
      received: repeat ? this.#clock.now() : frame.received,
      encoded: this.#clock.now() as Micros,
      encodeMs: performance.now() - started,
    };
    this.#port.postMessage(event, [data.buffer as ArrayBuffer]);
  }
}
