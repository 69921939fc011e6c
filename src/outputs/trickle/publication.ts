// A stream on its way into a trickle channel: reads a rendition of its pictures and one of its sound, and writes transport stream segments.
import type { Subscription } from '../../core/fanout.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import { toAnnexB } from '../../formats/h264.ts';
import { opusSamples } from '../../formats/opus.ts';
import { RateMeter, Tally } from '../../pipeline/meters.ts';
import type { Rendition } from '../../pipeline/rendition.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { ChannelEnd, ChannelFigures, ChannelPublisher } from '../../trickle/segments.ts';
import type { OutputMeter, ViewerMeter } from '../meter.ts';
import { HOLD_TICKS, type OutUnit, SegmentCutter, type SoundTrack } from './segment-cutter.ts';
import { type PublicationSettings, pictureSettings, segmentTicks, soundSettings } from './settings.ts';
import { WrittenTimes } from './written-times.ts';

/** Packets that may wait: two seconds of pictures, and of sound. They are written as they come. */
const PICTURE_QUEUE = 60;
const SOUND_QUEUE = 100;
/** So long without anything new and the segment ends, ms. */
const PAUSE_MS = HOLD_TICKS / 90;

export interface PublicationFigures extends ChannelFigures {
  /** Pictures that went out, without repeats. */
  readonly frames: number;
  /** Packets of sound that went out. */
  readonly blocks: number;
  /** Pictures and packets of sound that did not, by reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Pictures a second over the last seconds. */
  readonly fps: number;
  /** How often an encoder has begun anew. */
  readonly encoderStarts: number;
}

export interface PublicationOptions {
  /** Where the counters of the output are kept. */
  readonly meter?: OutputMeter | undefined;
  /** Told of each segment that begins. */
  readonly onSegment?: (() => void) | undefined;
}

/** Sends a stream into a channel until it is closed, the stream ends or the channel does. */
export function publishTrickle(
  stream: Stream,
  settings: PublicationSettings,
  publisher: ChannelPublisher,
  options: PublicationOptions = {},
): TricklePublication {
  return new TricklePublication(stream, settings, publisher, options);
}

export class TricklePublication implements AsyncDisposable {
  readonly stream: Stream;
  readonly #settings: PublicationSettings;
  readonly #publisher: ChannelPublisher;
  readonly #options: PublicationOptions;
  readonly #cutter: SegmentCutter;
  readonly #times = new WrittenTimes();
  readonly #meter: ViewerMeter | null;
  readonly #rate = new RateMeter();
  readonly #lost = new Tally();
  readonly #off: (() => void)[] = [];
  #rendition: Rendition;
  #pictures: Subscription<Packet>;
  #sound: Subscription<Packet> | null = null;
  #pictureTrack: TrackInfo | null = null;
  #soundTrack: { readonly info: TrackInfo; readonly track: SoundTrack } | null = null;
  #frames = 0;
  #blocks = 0;
  #encoderStarts = 0;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;
  #closing: Promise<void> | null = null;
  /** Settles with the reason when nothing goes out any more. */
  readonly ended: Promise<ChannelEnd>;

  constructor(stream: Stream, settings: PublicationSettings, publisher: ChannelPublisher, options: PublicationOptions) {
    this.stream = stream;
    this.#settings = settings;
    this.#publisher = publisher;
    this.#options = options;
    this.#meter = options.meter?.viewer() ?? null;
    this.#cutter = new SegmentCutter({
      publisher: {
        next: () => {
          const writer = publisher.next();
          options.onSegment?.();
          return writer;
        },
      },
      length: segmentTicks(settings),
      expectedSound: () => this.#expectedSound(),
      needKey: () => this.#rendition.requestKey(),
      onWritten: (unit, bytes) => this.#onWritten(unit, bytes),
      onLost: (unit, why) => {
        this.#lost.add(why);
        if (!unit.sound) this.#meter?.skipped.add(why);
      },
      onGone: () => void this.close(),
    });
    this.#rendition = stream.rendition(pictureSettings(stream, settings));
    this.#pictures = this.#subscribe();
    this.#off.push(
      stream.events.on('sound', () => this.#listen()),
      stream.events.on('closed', () => void this.close()),
      // A rendition of our own alone is not closed when the settings of the stream change.
      stream.events.on('config', () => {
        if (stream.rendition(pictureSettings(stream, settings)) !== this.#rendition) this.#pictures.close();
      }),
    );
    this.ended = publisher.ended.then(async (end) => {
      await this.close();
      return end;
    });
    void this.#runPictures();
    this.#listen();
  }

  get figures(): PublicationFigures {
    const { perSecond } = this.#rate.rates(this.stream.clock.now());
    return {
      ...this.#publisher.figures,
      frames: this.#frames,
      blocks: this.#blocks,
      lost: this.#lost.counts,
      fps: perSecond,
      encoderStarts: this.#encoderStarts,
      error: this.#publisher.figures.error ?? this.#rendition.error?.message ?? null,
    };
  }

  /** Ends the last segment and the channel, so that its readers see the end. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    void this.detach();
    await this.#publisher.close();
  }

  /** Ends the last segment and leaves the channel and its publisher to others. */
  async detach(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#pause);
    for (const off of this.#off) off();
    this.#pictures.close();
    this.#sound?.close();
    this.#meter?.[Symbol.dispose]();
    await this.#cutter.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #subscribe(): Subscription<Packet> {
    return this.#rendition.subscribe('trickle', PICTURE_QUEUE, 'keyframe', () => {
      this.#lost.add('queue');
      this.#meter?.skipped.add('queue');
      if (this.#meter) this.#meter.offered++;
      this.#rendition.requestKey();
    });
  }

  async #runPictures(): Promise<void> {
    while (!this.#closed) {
      const packet = await this.#pictures.queue.take();
      if (this.#closed) return;
      if (packet) {
        this.#takePicture(packet);
        continue;
      }
      // The settings have changed and the rendition was closed under us: go on with the new one.
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (this.#closed) return;
      this.#rendition = this.stream.rendition(pictureSettings(this.stream, this.#settings));
      this.#pictures = this.#subscribe();
    }
  }

  /** Sound is asked for as soon as there is some. */
  #listen(): void {
    const wanted = soundSettings(this.#settings);
    if (this.#sound || !wanted || this.#closed || !this.stream.sound.hub.format) return;
    this.#sound = this.stream.sound.rendition(wanted).subscribe('trickle', SOUND_QUEUE, 'newest', () => this.#lost.add('queue'));
    void this.#runSound(this.#sound);
  }

  /** What the first packet will be like, as far as that is sure: a segment can tell of it before it comes. */
  #expectedSound(): SoundTrack | undefined {
    const newest = this.stream.sound.hub.newest;
    if (!this.#sound || !newest || this.stream.clock.now() - newest.received > PAUSE_MS * 1000) return undefined;
    return soundSettings(this.#settings)?.codec === 'opus' ? { codec: 'opus', channels: 2 } : this.#soundTrack?.track;
  }

  async #runSound({ queue }: Subscription<Packet>): Promise<void> {
    for (let packet = await queue.take(); packet && !this.#closed; packet = await queue.take()) this.#takeSound(packet);
  }

  #takePicture(packet: Packet): void {
    const { track, id, pts, key, data } = packet;
    if (this.#meter) this.#meter.offered++;
    const fresh = track !== this.#pictureTrack;
    if (fresh && key) {
      this.#encoderStarts++;
      this.#pictureTrack = track;
    }
    const time = this.#times.picture(packet, this.stream.mediaTimes.of(id));
    const unit = toAnnexB(data, key ? track.description : undefined);
    this.#cutter.picture({ pts: time, at: pts, key, data: unit, fresh, source: packet });
    this.#stir();
  }

  #takeSound(packet: Packet): void {
    const { track, pts, data } = packet;
    if (track.codec === 'opus' && !opusSamples(data)) return;
    if (this.#soundTrack?.info !== track) this.#soundTrack = { info: track, track: soundTrack(track) };
    const time = this.#times.sound(packet);
    this.#cutter.sound({ pts: time, at: pts, key: true, data, sound: this.#soundTrack!.track, source: packet });
    this.#stir();
  }

  #stir(): void {
    if (this.#pause) this.#pause.refresh();
    else this.#pause = setTimeout(() => this.#cutter.pause(), PAUSE_MS).unref();
  }

  #onWritten({ source }: OutUnit, bytes: number): void {
    const now = this.stream.clock.now();
    if (source.track.audio) this.#blocks++;
    else {
      if (!source.repeat) {
        this.#frames++;
        this.#rate.add(now);
      }
      if (this.#meter) this.#meter.sent++;
      this.#options.meter?.onSent(source, now);
    }
    if (this.#meter) this.#meter.bytes += bytes;
  }
}

function soundTrack({ codec, audio, description }: TrackInfo): SoundTrack {
  return codec === 'opus' ? { codec, channels: audio!.channels } : { codec: 'aac', description };
}
