// A rendition on its way to the WebRTC process: one subscription and one stream of messages, however many viewers take it.
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import type { RenditionSettings } from '../../encoders/encoder.ts';
import { type Rendition, renditionKey } from '../../pipeline/rendition.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { VideoCodec } from './messages.ts';
import type { WebRtcProcess } from './process.ts';

/** Packets that may wait in front of the pipe. */
const QUEUE_LIMIT = 30;

export class Feed {
  readonly key: string;
  readonly stream: Stream;
  readonly #settings: () => RenditionSettings;
  readonly #process: WebRtcProcess;
  readonly #off: () => void;
  #index = 0;
  #subscription: Subscription<Packet>;
  #rendition: Rendition;
  #needKey = true;
  #closed = false;
  /** Told of every picture that went to the process. */
  onPicture: ((packet: Packet) => void) | null = null;

  /** @param onChange registers a listener that is told when the settings may have changed */
  constructor(
    key: string,
    stream: Stream,
    settings: () => RenditionSettings,
    process: WebRtcProcess,
    onChange: (listener: () => void) => () => void,
  ) {
    this.key = key;
    this.stream = stream;
    this.#settings = settings;
    this.#process = process;
    this.#rendition = stream.rendition(settings());
    this.#subscription = this.#subscribe();
    // Renditions of our own alone are not closed when the settings of the stream change.
    this.#off = onChange(() => {
      if (renditionKey(settings()) !== this.#rendition.key) this.#subscription.close();
    });
    void this.#run();
  }

  /** What it carries now. */
  get rendition(): Rendition {
    return this.#rendition;
  }

  requestKey(): void {
    this.#rendition.requestKey();
  }

  #subscribe(): Subscription<Packet> {
    this.#needKey = true;
    return this.#rendition.subscribe('webrtc', QUEUE_LIMIT, 'keyframe', () => this.requestKey());
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const packet = await this.#subscription.queue.take();
      if (this.#closed) return;
      if (!packet) {
        // The settings have changed and the rendition was closed under us: go on with the new one.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (this.#closed) return;
        this.#rendition = this.stream.rendition(this.#settings());
        this.#subscription = this.#subscribe();
        continue;
      }
      if (this.#needKey && !packet.key) {
        this.requestKey();
        continue;
      }
      const { id, timestamp, pts, key, repeat, data } = packet;
      const codec: VideoCodec = packet.track.codec === 'vp8' ? 'vp8' : 'h264';
      const description = key && codec === 'h264' ? packet.track.description : null;
      const identity = { id, timestamp, pts, key, repeat };
      this.#needKey = !this.#process.sendPicture({ feed: this.key, codec, index: this.#index++, ...identity, data, description });
      if (!this.#needKey) this.onPicture?.(packet);
    }
  }

  close(): void {
    this.#closed = true;
    this.#off();
    this.#subscription.close();
  }
}
