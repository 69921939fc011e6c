// `WS /api/events`: everything that the page wants to know, over one socket: states, frames, figures, thumbnails, the clock. SSE gives
// the same events to programs without WebSocket.
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { ClientEvent, EVENT_TYPES, type EventType, type ServerEvent } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import { writeFrameHeader } from '../../formats/frame-header.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { RouteContext } from '../context.ts';

/** Time between two sets of figures, ms. */
const STATS_MS = 1000;
/** Frame events of one stream at most this often, ms: a page needs no more than its screen shows. */
const FRAME_MS = 16;
/** A client that reads slower than this many bytes wait loses thumbnails and frame events; state and params never. */
const SLOW_BYTES = 1_000_000;
/** JPEG quality of thumbnails. */
const THUMBNAIL_QUALITY = 60;

type Send = (event: ServerEvent, droppable: boolean) => void;

/** What one client has asked for. */
class EventFeed {
  readonly #context: RouteContext;
  readonly #send: Send;
  readonly #off: (() => void)[] = [];
  readonly #offStream = new Map<string, (() => void)[]>();
  #types: ReadonlySet<EventType> = new Set();
  #only: ReadonlySet<string> | null = null;
  #stats: NodeJS.Timeout | undefined;

  constructor(context: RouteContext, send: Send) {
    this.#context = context;
    this.#send = send;
    const { registry } = context.streams;
    this.#off.push(
      registry.events.on('added', ({ stream }) => this.#follow(stream)),
      registry.events.on('removed', ({ stream }) => {
        this.#unfollow(stream.name);
        if (this.#wants('state', stream.name)) send({ type: 'state', stream: stream.name, info: null }, false);
      }),
    );
  }

  subscribe(types: readonly EventType[], only: readonly string[] | undefined): void {
    this.#types = new Set(types);
    this.#only = only ? new Set(only) : null;
    for (const name of [...this.#offStream.keys()]) this.#unfollow(name);
    for (const stream of this.#context.streams.registry.all()) this.#follow(stream);
    clearInterval(this.#stats);
    if (this.#types.has('stats')) {
      this.#stats = setInterval(() => this.#sendStats(), STATS_MS);
      this.#sendStats();
    }
  }

  #wants(type: EventType, stream: string): boolean {
    return this.#types.has(type) && (this.#only === null || this.#only.has(stream));
  }

  #follow(stream: Stream): void {
    const { name, events } = stream;
    if (this.#offStream.has(name) || (this.#only && !this.#only.has(name))) return;
    const off: (() => void)[] = [];
    const state = () => this.#send({ type: 'state', stream: name, info: this.#context.streams.info(stream) }, false);
    if (this.#types.has('state')) {
      off.push(events.on('state', state), events.on('config', state), events.on('viewers', state));
      state();
    }
    if (this.#types.has('params')) {
      off.push(
        events.on('config', ({ config }) => {
          const { type: _type, ...values } = config.source;
          this.#send({ type: 'params', stream: name, values, frame: (stream.lastFrame?.id ?? 0) + 1 }, false);
        }),
      );
    }
    if (this.#types.has('frame')) {
      let last = 0;
      off.push(
        events.on('frame', ({ info }) => {
          const now = performance.now();
          if (now - last < FRAME_MS) return;
          last = now;
          this.#send({ type: 'frame', stream: name, id: info.id, timestamp: info.timestamp }, true);
        }),
      );
    }
    this.#followTimeline(name, off);
    this.#offStream.set(name, off);
  }

  #followTimeline(name: string, off: (() => void)[]): void {
    const { events } = this.#context.timelines.of(name);
    const send = this.#send;
    if (this.#types.has('marker')) {
      off.push(events.on('marker', ({ action, marker }) => send({ type: 'marker', stream: name, action, marker }, false)));
    }
    if (this.#types.has('data')) off.push(events.on('data', ({ items }) => send({ type: 'data', stream: name, items: [...items] }, false)));
    if (this.#types.has('metric')) {
      off.push(events.on('metric', ({ samples }) => send({ type: 'metric', stream: name, samples: [...samples] }, true)));
    }
  }

  #unfollow(name: string): void {
    for (const off of this.#offStream.get(name) ?? []) off();
    this.#offStream.delete(name);
  }

  #sendStats(): void {
    for (const stream of this.#context.streams.registry.all()) {
      if (this.#wants('stats', stream.name))
        this.#send({ type: 'stats', stream: stream.name, stats: this.#context.streams.stats(stream) }, true);
    }
  }

  close(): void {
    clearInterval(this.#stats);
    for (const off of this.#off) off();
    for (const name of [...this.#offStream.keys()]) this.#unfollow(name);
  }
}

/** Thumbnails of the streams in view: one small JPEG rendition each, shared by all pages, newest wins. */
class Thumbnails {
  readonly #context: RouteContext;
  readonly #ws: WebSocket;
  readonly #running = new Map<string, { key: string; subscription: Subscription<Packet> }>();

  constructor(context: RouteContext, ws: WebSocket) {
    this.#context = context;
    this.#ws = ws;
  }

  want(streams: readonly string[], width: number, fps: number): void {
    const wanted = new Set(streams);
    const key = `${width} ${fps}`;
    for (const [name, entry] of this.#running) if (!wanted.has(name) || entry.key !== key) this.#stop(name);
    for (const name of wanted) {
      const stream = this.#context.streams.registry.find(name);
      if (!stream || this.#running.has(name)) continue;
      const rendition = stream.rendition({ codec: 'jpeg', quality: THUMBNAIL_QUALITY, width, fps });
      const subscription = rendition.subscribe('thumbnail', 1, 'newest');
      if (rendition.newest) subscription.queue.push(rendition.newest);
      this.#running.set(name, { key, subscription });
      void this.#send(name, subscription);
    }
  }

  async #send(name: string, subscription: Subscription<Packet>): Promise<void> {
    const meter = this.#context.meter('thumbnail', name).viewer();
    meter.queue = () => subscription.queue.stats;
    for (;;) {
      const packet = await subscription.queue.take();
      meter.offered = subscription.queue.stats.offered;
      if (!packet) break;
      if (this.#ws.bufferedAmount > SLOW_BYTES) {
        meter.skipped.add('newest');
        continue;
      }
      const { data, track, id, timestamp } = packet;
      const header = writeFrameHeader({
        encoding: 'jpeg',
        format: 'rgb24',
        width: track.width,
        height: track.height,
        payloadBytes: data.length,
        id,
        timestamp,
        metadata: { stream: name },
      });
      await new Promise<void>((resolve) => this.#ws.send(Buffer.concat([header, data]), { binary: true }, () => resolve()));
      meter.sent++;
      meter.bytes += data.length;
    }
    meter.skipped.add('newest', subscription.queue.stats.dropped);
    meter[Symbol.dispose]();
  }

  #stop(name: string): void {
    this.#running.get(name)?.subscription.close();
    this.#running.delete(name);
  }

  close(): void {
    for (const name of [...this.#running.keys()]) this.#stop(name);
  }
}

export function eventRoutes(context: RouteContext): void {
  const { app, upgrades, clock, version, signal } = context;

  upgrades.route('/api/events', (ws, _request, _params, query) => {
    const send: Send = (event, droppable) => {
      if (ws.readyState !== ws.OPEN || (droppable && ws.bufferedAmount > SLOW_BYTES)) return;
      ws.send(JSON.stringify(event));
    };
    const feed = new EventFeed(context, send);
    const thumbnails = new Thumbnails(context, ws);
    send({ type: 'hello', now: clock.now(), version }, false);
    const asked = Selection.safeParse(Object.fromEntries(query));
    if (asked.success && asked.data.types) feed.subscribe(asked.data.types, asked.data.streams);
    ws.on('message', (data, binary) => {
      const message = binary ? null : parseMessage(String(data));
      if (!message) {
        const error = new SluiceError('bad-request', 'the message was not understood; expected JSON of type subscribe, thumbnails or ping');
        return send({ type: 'error', problem: error.toProblem() }, false);
      }
      if (message.type === 'ping') send({ type: 'pong', t: message.t, now: clock.now() }, false);
      else if (message.type === 'subscribe') feed.subscribe(message.types, message.streams);
      else thumbnails.want(message.streams, message.width, message.fps);
    });
    ws.once('close', () => {
      feed.close();
      thumbnails.close();
    });
  });

  app.get(
    '/api/events',
    { schema: { tags: ['events'], summary: 'Events as text/event-stream, or over a WebSocket' } },
    async (request, reply) => {
      const asked = Selection.parse(request.query);
      reply.hijack();
      const { raw } = reply;
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
      raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      const feed = new EventFeed(context, (event, droppable) => {
        if (droppable && raw.writableLength > SLOW_BYTES) return;
        raw.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      });
      feed.subscribe(asked.types ?? [...EVENT_TYPES], asked.streams);
      // Proxies end what is silent.
      const beat = setInterval(() => raw.write(': still here\n\n'), 15_000);
      const end = () => {
        clearInterval(beat);
        feed.close();
        signal.removeEventListener('abort', end);
        raw.end();
      };
      raw.once('close', end);
      signal.addEventListener('abort', end, { once: true });
    },
  );
}

const list = z
  .string()
  .transform((text) => text.split(',').filter(Boolean))
  .optional();
const Selection = z.object({ streams: list, types: list.pipe(z.array(z.enum(EVENT_TYPES)).optional()) });

function parseMessage(text: string): ClientEvent | null {
  try {
    const parsed = ClientEvent.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
