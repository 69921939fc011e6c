// What viewers of ReRo-CCTV expect: `WS /websocket/{quality}` on the server's root, each binary message one whole JPEG and nothing else. A change
// of quality is a new connection; each quality is encoded once, whoever watches. Its page cannot adapt (its rule looks at a figure that never
// changes), so the rule is applied here: it gets at most the quality of its address, and less where its way is too narrow for that.
import type { WebSocket } from 'ws';
import type { Subscription } from '../core/fanout.ts';
import type { Packet } from '../core/packet.ts';
import type { OutputMeter, ViewerMeter } from '../outputs/meter.ts';
import { FpsRate, LEAST_QUALITY, MOST_QUALITY } from '../outputs/websocket/fps-rate.ts';
import type { Stream } from '../pipeline/stream.ts';
import { type CompatContext, chooseStream } from './compat.ts';

/** Pictures per second at most, as there. */
const FPS = 34;
/** RFC 6455 7.4.1: data that cannot be accepted. The seed meant to send it. */
const UNSUPPORTED = 1003;
/** Pictures that may be on their way to one viewer. */
const FLYING = 3;
/** A viewer that answers nothing for so long gets the next picture anyway, ms. */
const SILENCE_MS = 2000;

export function openReroCctv({ upgrades, registry, settings, meter }: CompatContext): void {
  const { stream: named, adapt } = settings.reroCctv;
  const choose = (query: URLSearchParams) => chooseStream(registry, query.get('stream') ?? named, () => true);
  upgrades.route(
    '/websocket/:quality',
    async (ws, _request, params, query) => {
      const text = params.quality!;
      const quality = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
      // Accepted first: a browser tells its page the reason of a close, but not of a refused upgrade.
      if (!(quality >= LEAST_QUALITY && quality <= MOST_QUALITY)) {
        ws.close(UNSUPPORTED, `quality ${text.slice(0, 20)} received; allowed are whole numbers from ${LEAST_QUALITY} to ${MOST_QUALITY}`);
        return;
      }
      const stream = await choose(query);
      using viewer = new Viewer(ws, stream, quality, adapt, meter('rero-cctv', stream.name));
      await viewer.run();
    },
    // A wrong stream is an answer of HTTP.
    { before: async (_request, _params, query) => void (await choose(query)) },
  );
}

/**
 * One viewer. Its page acknowledges nothing, but every WebSocket answers a ping (RFC 6455 5.5.2), in the order of the messages: a ping behind
 * each picture tells when the picture has arrived.
 */
class Viewer implements Disposable {
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #output: OutputMeter;
  readonly #meter: ViewerMeter;
  readonly #watch: Disposable;
  readonly #rate: FpsRate | null;
  readonly #abort = new AbortController();
  readonly #off: () => void;
  #quality: number;
  #subscription: Subscription<Packet>;
  #offeredBefore = 0;
  #pings = 0;
  #flying = 0;
  #wake: (() => void) | null = null;

  constructor(ws: WebSocket, stream: Stream, quality: number, adapt: 'fps' | 'off', output: OutputMeter) {
    this.#ws = ws;
    this.#stream = stream;
    this.#output = output;
    this.#meter = output.viewer();
    this.#meter.queue = () => this.#subscription.queue.stats;
    this.#watch = stream.watch();
    this.#rate = adapt === 'off' ? null : new FpsRate(quality);
    this.#quality = quality;
    this.#subscription = this.#subscribe();
    this.#off = stream.events.on('closed', () => ws.close(1001, 'the stream was removed'));
    ws.on('pong', (data) => this.#onPong(Number(data.toString())));
    ws.once('close', () => {
      this.#abort.abort();
      this.#wake?.();
    });
    if (ws.readyState !== ws.OPEN) this.#abort.abort();
  }

  #subscribe(): Subscription<Packet> {
    const rendition = this.#stream.rendition({ codec: 'jpeg', quality: this.#quality, width: null, fps: FPS });
    return rendition.subscribe('rero-cctv', 1, 'newest', () => {
      this.#count();
      this.#meter.skipped.add('newest');
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const subscription = this.#subscription;
      const packet = await subscription.queue.take(signal);
      this.#count();
      if (!packet) break;
      this.#meter.sent++;
      this.#meter.bytes += packet.data.length;
      this.#output.onSent(packet, this.#stream.clock.now());
      this.#flying++;
      // One picture in the socket, few on their way: what comes meanwhile is replaced by something newer.
      await new Promise<void>((resolve) => this.#ws.send(packet.data, { binary: true }, () => resolve()));
      if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping(String(++this.#pings));
      if (this.#flying >= FLYING) await this.#untilArrived();
      this.#adapt();
    }
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.close(1001, 'the stream has ended');
  }

  #onPong(ping: number): void {
    if (!(ping > this.#pings - this.#flying && ping <= this.#pings)) return;
    const arrived = this.#flying - (this.#pings - ping);
    for (let i = 0; i < arrived; i++) this.#rate?.acked();
    this.#flying -= arrived;
    this.#wake?.();
  }

  async #untilArrived(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SILENCE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#abort.signal.aborted) this.#wake();
    });
    this.#wake = null;
    if (this.#flying >= FLYING) this.#flying = FLYING - 1;
  }

  #adapt(): void {
    const quality = this.#rate?.update(performance.now(), { offered: this.#meter.offered }).quality ?? this.#quality;
    if (quality === this.#quality) return;
    this.#quality = quality;
    const old = this.#subscription;
    this.#offeredBefore += old.queue.stats.offered;
    this.#subscription = this.#subscribe();
    old.close();
    this.#count();
  }

  #count(): void {
    this.#meter.offered = this.#offeredBefore + this.#subscription.queue.stats.offered;
  }

  [Symbol.dispose](): void {
    this.#off();
    this.#count();
    this.#subscription.close();
    this.#meter[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
  }
}
