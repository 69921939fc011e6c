// The live views whose pictures go over Socket.IO: one reader for each, whatever the number of clients, and none while there are none.
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import type { LiveViews } from '../../outputs/live-views/live-views.ts';
import type { OutputMeter } from '../../outputs/meter.ts';
import type { Registry } from '../../pipeline/registry.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { ID_MODULO } from './ack-window.ts';
import { protocolName } from './names.ts';
import type { ImswitchParams } from './params.ts';
import { ImswitchPicture, type SocketProtocol } from './pictures.ts';
import { renditionOf } from './renditions.ts';
import type { SocketViewer } from './viewer.ts';

export interface FeedsOptions {
  readonly registry: Registry;
  readonly liveViews: LiveViews;
  readonly params: ImswitchParams;
  readonly meter: (output: string, stream: string) => OutputMeter;
}

interface Feed {
  readonly key: string;
  readonly stream: Stream;
  readonly protocol: SocketProtocol;
  subscription: Subscription<Packet>;
  /** Settings of the rendition that is read, to see whether they have changed. */
  settings: string;
  /** For clients that come while nothing moves. */
  newest: ImswitchPicture | null;
}

export class Feeds implements Disposable {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<string, Feed>();
  readonly #viewers = new Set<SocketViewer>();
  readonly #off: (() => void)[];
  #pictures = 0;

  constructor(options: FeedsOptions) {
    this.#options = options;
    const sync = () => this.#sync();
    const { events } = options.liveViews;
    this.#off = [events.on('started', sync), events.on('stopped', sync), events.on('failed', sync), options.params.onChange(sync)];
  }

  add(viewer: SocketViewer): void {
    this.#viewers.add(viewer);
    const running = [...this.#feeds.values()];
    for (const feed of running) this.#join(viewer, feed);
    this.#sync();
  }

  /** It has left; the last one takes the readers with it. */
  remove(viewer: SocketViewer): void {
    this.#viewers.delete(viewer);
    viewer[Symbol.dispose]();
    this.#sync();
  }

  #join(viewer: SocketViewer, feed: Feed): void {
    if (viewer.detector !== null && viewer.detector !== feed.stream.name) return;
    viewer.join(feed.key, feed.stream, this.#options.meter(`imswitch-${feed.protocol}`, feed.stream.name));
    if (feed.newest) viewer.offer(feed.key, feed.newest);
  }

  #wanted(): Map<string, { stream: Stream; protocol: SocketProtocol }> {
    const { liveViews, registry } = this.#options;
    const wanted = new Map<string, { stream: Stream; protocol: SocketProtocol }>();
    if (!this.#viewers.size) return wanted;
    for (const view of liveViews.active()) {
      const protocol = protocolName(view.protocol);
      if (protocol === 'binary' || protocol === 'jpeg')
        wanted.set(`${view.stream}/${protocol}`, { stream: registry.get(view.stream), protocol });
    }
    return wanted;
  }

  #sync(): void {
    const wanted = this.#wanted();
    for (const feed of [...this.#feeds.values()]) {
      if (wanted.get(feed.key)?.stream === feed.stream) continue;
      this.#feeds.delete(feed.key);
      feed.subscription.close();
      for (const viewer of this.#viewers) viewer.leave(feed.key);
    }
    for (const [key, { stream, protocol }] of wanted) {
      const settings = renditionOf(protocol, this.#options.params.effective(protocol, stream.name));
      const text = JSON.stringify(settings);
      const known = this.#feeds.get(key);
      if (known?.settings === text) continue;
      const subscription = stream.rendition(settings).subscribe(`imswitch-${protocol}`, 1, 'newest');
      if (known) {
        const old = known.subscription;
        Object.assign(known, { subscription, settings: text });
        old.close();
        void this.#read(known, subscription);
      } else {
        const feed: Feed = { key, stream, protocol, subscription, settings: text, newest: null };
        this.#feeds.set(key, feed);
        for (const viewer of this.#viewers) this.#join(viewer, feed);
        void this.#read(feed, subscription);
      }
    }
  }

  /** Hands pictures on until the subscription ends. */
  async #read(feed: Feed, subscription: Subscription<Packet>): Promise<void> {
    const { params } = this.#options;
    for (;;) {
      const packet = await subscription.queue.take();
      if (!packet) return;
      const pixelSize = feed.stream.config.pixelSize ?? 1;
      const { jpeg_quality: quality } = params.effective(feed.protocol, feed.stream.name);
      const source = { detector: feed.stream.name, protocol: feed.protocol, pixelSize, quality };
      feed.newest = new ImswitchPicture(packet, source, this.#pictures++ % ID_MODULO);
      for (const viewer of this.#viewers) viewer.offer(feed.key, feed.newest);
    }
  }

  [Symbol.dispose](): void {
    for (const off of this.#off.splice(0)) off();
    for (const viewer of [...this.#viewers]) this.remove(viewer);
  }
}
