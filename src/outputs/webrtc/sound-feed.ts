// The sound of a stream on its way to the WebRTC process: one subscription and one stream of messages, however many hear it. It is encoded
// only while somebody does.
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import { OpusTimeline, opusSamples } from '../../formats/opus.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { WebRtcProcess } from './process.ts';

/** Packets that may wait in front of the pipe: half a second. */
const QUEUE_LIMIT = 25;

export class SoundFeed implements Disposable {
  readonly #key: string;
  readonly #process: WebRtcProcess;
  readonly #subscription: Subscription<Packet>;
  readonly #timeline = new OpusTimeline();
  readonly #onSent: (bytes: number) => void;

  /** @param onSent told of every packet that went to the process */
  constructor(key: string, stream: Stream, process: WebRtcProcess, onSent: (bytes: number) => void) {
    this.#onSent = onSent;
    this.#key = key;
    this.#process = process;
    this.#subscription = stream.sound.opus.subscribe('webrtc', QUEUE_LIMIT, 'newest');
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const packet = await this.#subscription.queue.take();
      if (!packet) return;
      const { data, timestamp } = packet;
      const samples = opusSamples(data);
      if (!samples) continue;
      const rtpTime = this.#timeline.rtpTimeOf(timestamp, samples);
      if (this.#process.sendSound({ feed: this.#key, rtpTime, timestamp, data })) this.#onSent(data.length);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription.close();
  }
}
