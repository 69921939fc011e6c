// `WS /api/events`: everything that the page wants to know, over one socket: states, frames, figures, thumbnails, the clock. SSE gives
// the same events to programs without WebSocket.
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { ClientEvent, EVENT_TYPES, type ServerEvent } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import type { Subscription } from '../../core/fanout.ts';
import type { Packet } from '../../core/packet.ts';
import { writeFrameHeader } from '../../formats/frame-header.ts';
import type { RouteContext } from '../context.ts';
import { EventFeed } from './event-feed.ts';
import { ReportGate } from './report-gate.ts';
import { SLOW_BYTES } from './timeline-feed.ts';

/** JPEG quality of thumbnails. */
const THUMBNAIL_QUALITY = 60;

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
  const { app, upgrades, clock, version, signal, config, lifeSigns } = context;

  upgrades.route('/api/events', (ws, _request, _params, query) => {
    const send = (event: ServerEvent) => ws.readyState === ws.OPEN && ws.send(JSON.stringify(event));
    const feed = new EventFeed(context, {
      send,
      get buffered() {
        return ws.bufferedAmount;
      },
      // What is still in the buffer is of no use to somebody who does not read it.
      giveUp: (reason) => (ws.bufferedAmount > SLOW_BYTES ? ws.terminate() : ws.close(1013, reason)),
    });
    const thumbnails = new Thumbnails(context, ws);
    const reports = config.viewerReports ? new ReportGate(context) : null;
    send({ type: 'hello', now: clock.now(), version, id: feed.id, reports: reports !== null });
    const asked = Selection.safeParse(Object.fromEntries(query));
    if (asked.success && asked.data.types) feed.subscribe(asked.data.types, asked.data.streams, asked.data.after);
    ws.on('message', (data, binary) => {
      const message = binary ? null : parseMessage(String(data));
      if (!message) {
        const error = new SluiceError(
          'bad-request',
          'the message was not understood; expected JSON of type subscribe, thumbnails, report, watching or ping',
        );
        return void send({ type: 'error', problem: error.toProblem() });
      }
      if (message.type === 'ping') send({ type: 'pong', t: message.t, now: clock.now() });
      else if (message.type === 'subscribe') feed.subscribe(message.types, message.streams, message.after);
      else if (message.type === 'report') reports?.take(message);
      else if (message.type === 'watching') lifeSigns.seen(message.viewers);
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
      const feed = new EventFeed(context, {
        send: (event, id) => {
          if (!raw.destroyed) raw.write(`${id === null ? '' : `id: ${id}\n`}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
        },
        get buffered() {
          return raw.writableLength;
        },
        giveUp: () => raw.destroy(),
      });
      // An id without an event: whoever reconnects before the first one misses nothing either.
      raw.write(`id: ${feed.id}\n\n`);
      const lastId = request.headers['last-event-id'];
      feed.subscribe(asked.types ?? [...EVENT_TYPES], asked.streams, (typeof lastId === 'string' && lastId) || asked.after);
      // Proxies end what is silent.
      const beat = setInterval(() => raw.write(`: still here\nid: ${feed.id}\n\n`), 15_000);
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
const Selection = z.object({
  streams: list,
  types: list.pipe(z.array(z.enum(EVENT_TYPES)).optional()),
  after: z.string().max(60).optional(),
});

function parseMessage(text: string): ClientEvent | null {
  try {
    const parsed = ClientEvent.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
