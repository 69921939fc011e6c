// MJPEG: one endless multipart answer per viewer, for `<img>` and foreign players. A viewer that does not read loses pictures, newest
// wins; nobody else notices.
import type { FastifyReply } from 'fastify';
import { ViewerName } from '../api/schema.ts';
import type { Packet } from '../core/packet.ts';
import { MULTIPART_CONTENT_TYPE, MULTIPART_END, MULTIPART_NEXT, MULTIPART_START, multipartHead } from '../formats/multipart.ts';
import type { Output, OutputContext } from './output.ts';
import { given, jpegSettings, PictureQuery } from './picture-query.ts';
import { viewerParams } from './viewer-params.ts';

/** `viewer`: the page says over its events socket that this one is alive. */
const MjpegQuery = PictureQuery.extend({ viewer: ViewerName.optional() });

export function openMjpeg(context: OutputContext): Output {
  const { app, registry, signal, liveViews, lifeSigns } = context;

  app.get<{ Params: { stream: string } }>('/live/:stream/mjpeg', async (request, reply) => {
    const stream = registry.get(request.params.stream);
    const query = MjpegQuery.parse(request.query);
    liveViews.admit(stream, 'mjpeg');
    const params = viewerParams(liveViews, stream, 'mjpeg');
    const settings = () => jpegSettings({ ...params.values, ...given(query) });
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    reply.raw.on('error', () => abort.abort());
    const ended = AbortSignal.any([abort.signal, signal]);
    const output = context.meter('mjpeg', stream.name);
    const meter = output.viewer();
    const watch = stream.watch();
    let offeredBefore = 0;
    const subscribe = () => {
      const rendition = stream.rendition(settings());
      const own = rendition.subscribe('mjpeg', 1, 'newest', () => {
        count();
        meter.skipped.add('newest');
      });
      if (rendition.newest) own.queue.push(rendition.newest);
      return own;
    };
    let subscription = subscribe();
    const count = () => {
      meter.offered = offeredBefore + subscription.queue.stats.offered;
    };
    meter.queue = () => subscription.queue.stats;
    const unfollow = params.onChange(() => {
      const old = subscription;
      count();
      offeredBefore += old.queue.stats.offered;
      subscription = subscribe();
      old.close();
    });
    reply.hijack();
    const { raw } = reply;
    // Headers that hooks have set (CORS, framing) would be lost with the hijacked reply.
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, {
      'content-type': MULTIPART_CONTENT_TYPE,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'access-control-expose-headers': 'X-Sluice-Frame, X-Sluice-Timestamp',
    });
    raw.write(MULTIPART_START);
    const closed = stream.events.on('closed', () => abort.abort());
    // The way is cut, whatever the socket believes.
    using _signs = query.viewer === undefined ? null : lifeSigns.watch(query.viewer, () => raw.destroy());
    try {
      for (;;) {
        const { queue } = subscription;
        const packet = await queue.take(ended);
        count();
        // Other params hold, and another queue is there.
        if (!packet && queue !== subscription.queue) continue;
        if (!packet) break;
        if (!(await writePart(raw, packet, ended))) {
          // The way is cut, whatever the socket believes.
          raw.destroy();
          break;
        }
        output.onSent(packet, stream.clock.now());
        meter.sent++;
        meter.bytes += packet.data.length;
        count();
      }
    } finally {
      unfollow();
      closed();
      count();
      subscription.close();
      count();
      meter[Symbol.dispose]();
      watch[Symbol.dispose]();
      if (!raw.destroyed) raw.end(MULTIPART_END);
    }
  });

  return {};
}

/** The bytes of a part, made once for all viewers: one write is one system call, three in a cork are four (measured). */
const parts = new WeakMap<Packet, Buffer>();

function partOf(packet: Packet): Buffer {
  let part = parts.get(packet);
  if (!part) {
    const { data, id, timestamp } = packet;
    part = Buffer.concat([multipartHead({ contentType: 'image/jpeg', length: data.length, id, timestamp }), data, MULTIPART_NEXT]);
    parts.set(packet, part);
  }
  return part;
}

/** Nothing is taken for so long: the viewer is gone. A large picture has as long as it takes at the least rate. */
const STALLED_MS = 3000;
const LEAST_BYTES_PER_MS = 32;

/** Writes one part; settles when the socket takes more, so that a picture waits in our queue and not in the socket's. `false`: it does not. */
async function writePart(raw: FastifyReply['raw'], packet: Packet, ended: AbortSignal): Promise<boolean> {
  if (raw.write(partOf(packet)) || ended.aborted) return true;
  return await new Promise<boolean>((resolve) => {
    const done = (taken: boolean) => {
      clearTimeout(timer);
      raw.off('drain', onDrain);
      ended.removeEventListener('abort', onDrain);
      resolve(taken);
    };
    const onDrain = () => done(true);
    const timer = setTimeout(() => done(false), Math.max(STALLED_MS, packet.data.length / LEAST_BYTES_PER_MS));
    raw.once('drain', onDrain);
    ended.addEventListener('abort', onDrain, { once: true });
  });
}
