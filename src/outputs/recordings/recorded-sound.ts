// The sound of an MP4 recording: packets of the AAC rendition, as long as the recording takes pictures.
import { setTimeout as delay } from 'node:timers/promises';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet, TrackInfo } from '../../core/packet.ts';
import { sameBytes } from '../../formats/bytes.ts';
import type { Stream } from '../../pipeline/stream.ts';

/** Packets that may wait: ten seconds. */
const QUEUE_LIMIT = 500;
/** The encoder gives its first packet within this time, or there is no sound, ms. */
const FIRST_MS = 2000;
/** The last packets come so much later than the last picture, ms. */
const LAST_MS = 400;

export class RecordedSound implements Disposable {
  readonly track: TrackInfo;
  readonly #subscription: Subscription<Packet>;
  #waiting: Packet[];

  private constructor(subscription: Subscription<Packet>, first: Packet) {
    this.#subscription = subscription;
    this.track = first.track;
    this.#waiting = [first];
  }

  /** `null`: the stream has no sound now. */
  static async open(stream: Stream): Promise<RecordedSound | null> {
    if (!stream.sound.hub.format) return null;
    const subscription = stream.sound.main.subscribe('recording', QUEUE_LIMIT, 'newest');
    const first = await subscription.queue.take(AbortSignal.timeout(FIRST_MS));
    if (first) return new RecordedSound(subscription, first);
    subscription.close();
    return null;
  }

  /** Packets that begin between two media times, as far as they have come. What was before is left out. */
  take(from: number, until: number): Packet[] {
    this.#collect();
    const due = this.#waiting.filter(({ pts }) => pts < until);
    this.#waiting = this.#waiting.slice(due.length);
    // Another layout cannot stand in the same track.
    return due.filter(({ pts, track }) => pts >= from && sameBytes(track.description, this.track.description));
  }

  /** Waits until there can be no more packets before a media time. */
  async reaches(until: number): Promise<void> {
    const end = performance.now() + LAST_MS;
    for (this.#collect(); (this.#waiting.at(-1)?.pts ?? 0) < until && performance.now() < end; this.#collect()) {
      if (this.#subscription.queue.closed) return;
      await delay(20);
    }
  }

  #collect(): void {
    const { queue } = this.#subscription;
    for (let packet = queue.poll(); packet; packet = queue.poll()) this.#waiting.push(packet);
  }

  [Symbol.dispose](): void {
    this.#subscription.close();
  }
}
