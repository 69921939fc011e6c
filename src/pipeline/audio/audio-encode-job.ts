// One rendition of sound inside a media worker: lays the blocks on the clock, resamples, cuts frames on a fixed grid and encodes them.
// Media time = capture time; a frame of AAC or Opus begins at a whole multiple of its length since the epoch, so every run cuts alike.
import type { MessagePort } from 'node:worker_threads';
import type { AudioFrame } from '../../core/audio.ts';
import type { Clock } from '../../core/clock.ts';
import { toSluiceError } from '../../core/errors.ts';
import type { TrackInfo } from '../../core/packet.ts';
import { type Micros, type Ticks, toMicros } from '../../core/time.ts';
import { mixTo, toPlanes } from '../../formats/sound.ts';
import { AudioEncoder, ENCODED_RATE, Resampler } from '../../native/ffmpeg-audio.ts';
import { LOST_AFTER_MS } from '../grid.ts';
import { MediaTime } from '../media-time.ts';
import type { AudioEvent, JobCommand, JobSpec, PlainError } from '../messages.ts';
import { plainError } from '../plain-error.ts';
import { joined, SampleLine } from './sample-line.ts';

/** Ticks of a sample: 90,000 / 48,000. */
const TICKS_PER_SAMPLE = 1.875;
/** Sound that is this much later than usual is missing: silence takes its place, so that players do not wait for it, µs. */
const MISSING_US = 700_000;
/** Once it is missing, silence follows the clock at this distance, so that players go on at their usual latency, µs. */
const BEHIND_US = 150_000;
const LOOK_MS = 100;

export async function runAudioJob(spec: Extract<JobSpec, { kind: 'audio' }>, port: MessagePort, clock: Clock): Promise<void> {
  let failure: PlainError | null = null;
  const job = new AudioJob(spec, port, clock);
  try {
    await job.run();
  } catch (error) {
    failure = plainError(toSluiceError(error, 'encoder-failed'));
  }
  port.postMessage({ type: 'end', error: failure } satisfies AudioEvent);
  port.close();
}

/** What holds while the sound goes on without a break. */
interface Session extends Disposable {
  readonly rate: number;
  readonly sourceChannels: number;
  readonly channels: 1 | 2;
  readonly track: TrackInfo;
  readonly encoder: AudioEncoder;
  readonly resampler: Resampler | null;
  readonly line: SampleLine;
  /** Position of the first sample that waits, in samples at 48 kHz since the epoch. */
  position: number;
  waiting: Float32Array[];
}

class AudioJob {
  readonly #spec: Extract<JobSpec, { kind: 'audio' }>;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #media = new MediaTime();
  #blocks: AudioFrame[] = [];
  #stopped = false;
  #wake: (() => void) | null = null;
  #session: Session | null = null;
  #lastPts = 0;
  /** Media time minus capture time of the newest block, µs. */
  #shift = 0;
  #lastId = 0;
  #lastReceived = 0;
  /** When the stream was alive last, pictures among it. */
  #lastAlive = 0;
  /** How late a block usually is: its arrival after its end, µs. */
  #lag = 0;
  /** Silence is taking the place of sound. */
  #missing = false;

  constructor(spec: Extract<JobSpec, { kind: 'audio' }>, port: MessagePort, clock: Clock) {
    this.#spec = spec;
    this.#port = port;
    this.#clock = clock;
    port.on('message', (command: JobCommand) => {
      if (command.type === 'stop') this.#stopped = true;
      else if (command.type === 'alive') this.#lastAlive = this.#clock.now();
      else if (command.type === 'block') this.#blocks.push(command.block);
      this.#wake?.();
    });
  }

  async run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const block = this.#blocks.shift();
        if (block) {
          await this.#add(block);
          this.#port.postMessage({ type: 'done' } satisfies AudioEvent);
        } else {
          await this.#wait();
          if (!this.#blocks.length) this.#fill();
        }
      }
    } finally {
      this.#session?.[Symbol.dispose]();
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      if (this.#blocks.length || this.#stopped) this.#wake();
    });
  }

  async #add(block: AudioFrame): Promise<void> {
    const { pts, epoch } = this.#media.of(block, this.#lastPts, this.#spec.notBefore);
    const time = toMicros(pts as Ticks) as number;
    this.#shift = time - block.timestamp;
    this.#lastId = block.id;
    this.#lastReceived = this.#clock.now();
    this.#missing = false;
    const end = this.#session?.line.end ?? null;
    const broken = end !== null && time - end > LOST_AFTER_MS * 1000;
    const other = this.#session && (this.#session.rate !== block.rate || this.#session.sourceChannels !== block.channels);
    if (!this.#session || epoch || broken || other) {
      this.#session?.[Symbol.dispose]();
      this.#session = null;
      this.#session = await this.#open(block, time);
    }
    const blockEnd = time + (block.samples * 1e6) / block.rate;
    this.#lag = Math.max(0, this.#lastReceived - blockEnd, this.#lag - 1000);
    this.#lay(this.#session, this.#session.line.add(time, mixTo(toPlanes(block), this.#session.channels)), block.received);
  }

  /** Silence where blocks fail to come, as long as the stream lives; ten seconds after that it counts as lost. */
  #fill(): void {
    const session = this.#session;
    if (!session) return;
    const now = this.#clock.now();
    if (now - Math.max(this.#lastReceived, this.#lastAlive) > LOST_AFTER_MS * 1000) return;
    const usual = now + this.#shift - this.#lag;
    if (!this.#missing && session.line.end! > usual - MISSING_US) return;
    this.#missing = true;
    this.#lay(session, session.line.fill(usual - BEHIND_US), now);
  }

  async #open(block: AudioFrame, time: number): Promise<Session> {
    const { codec, bitrate } = this.#spec.settings;
    const channels = this.#spec.settings.channels ?? (block.channels === 1 ? 1 : 2);
    const encoder = await AudioEncoder.open({ codec, channels, bitrate: bitrate ?? 64_000 * channels });
    const resampler = block.rate === ENCODED_RATE ? null : new Resampler(channels, block.rate, ENCODED_RATE);
    const size = encoder.frameSize;
    const track: TrackInfo = {
      codec: codec === 'aac' ? 'mp4a.40.2' : 'opus',
      width: 0,
      height: 0,
      description: encoder.extraData,
      version: 0,
      bitrate: bitrate ?? 64_000 * channels,
      audio: { rate: ENCODED_RATE, channels, frameSize: size },
    };
    this.#port.postMessage({ type: 'track', track } satisfies AudioEvent);
    // In front of the first sample silence fills its frame.
    const first = Math.round((time * 48) / 1000);
    const position = Math.floor(first / size) * size;
    return {
      rate: block.rate,
      sourceChannels: block.channels,
      channels,
      track,
      encoder,
      resampler,
      line: new SampleLine(block.rate, channels),
      position,
      waiting: Array.from({ length: channels }, () => new Float32Array(first - position)),
      [Symbol.dispose]() {
        encoder[Symbol.dispose]();
        resampler?.[Symbol.dispose]();
      },
    };
  }

  #lay(session: Session, planes: Float32Array[], received: number): void {
    if (!planes[0]!.length) return;
    const samples = session.resampler ? session.resampler.convert(planes) : planes;
    session.waiting = session.waiting.map((plane, i) => joined(plane, samples[i]!));
    const size = session.encoder.frameSize;
    let used = 0;
    for (; session.waiting[0]!.length - used >= size; used += size) {
      const frame = session.waiting.map((plane) => plane.subarray(used, used + size));
      const started = performance.now();
      for (const packet of session.encoder.encode(frame, BigInt(session.position + used))) {
        this.#send(packet.data, Number(packet.pts), received, started);
      }
    }
    session.position += used;
    session.waiting = session.waiting.map((plane) => plane.slice(used));
  }

  #send(data: Uint8Array, position: number, received: number, started: number): void {
    const pts = Math.round(position * TICKS_PER_SAMPLE) as Ticks;
    // What lies before is in segments that are closed.
    if (pts <= this.#lastPts || pts < this.#spec.notBefore) return;
    this.#lastPts = pts;
    const event: AudioEvent = {
      type: 'packet',
      id: this.#lastId,
      timestamp: (toMicros(pts) - this.#shift) as Micros,
      pts,
      data,
      received,
      encoded: this.#clock.now(),
      encodeMs: performance.now() - started,
    };
    this.#port.postMessage(event, [data.buffer as ArrayBuffer]);
  }
}
