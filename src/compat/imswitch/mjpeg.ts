// `mjpeg_stream` of ImSwitch: an endless multipart answer with its boundary. It begins the live view where that is needed, which goes on when the
// viewer leaves, and ends with it. Each viewer has a queue of its own: nobody takes pictures from anybody.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../core/errors.ts';
import type { Packet } from '../../core/packet.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { CompatContext } from '../compat.ts';
import type { Controller } from './controller.ts';
import type { ImswitchParams } from './params.ts';
import { renditionOf } from './renditions.ts';
import { errorAnswer, flag } from './routes.ts';

const HEADERS = {
  'content-type': 'multipart/x-mixed-replace;boundary=frame',
  'cache-control': 'no-cache, no-store, must-revalidate',
  pragma: 'no-cache',
  expires: '0',
  'x-accel-buffering': 'no',
};
/** Behind each part at once, not in front of the next: browsers show a picture when its part has ended. */
const NEXT = '\r\n--frame\r\n';
/** A socket that takes nothing for so long is given up, ms. */
const STALLED_MS = 5000;

/** Makes the handler. */
export function mjpegStream({ liveViews, meter, mayChange, signal }: CompatContext, controller: Controller, params: ImswitchParams) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const query = request.query as Record<string, string | undefined>;
    const name = query.detectorName || null;
    if (!flag(query.startStream, true)) {
      if (!mayChange(request))
        throw new SluiceError('forbidden', 'The view token was received; stopping a live view needs the token for everything.');
      controller.stop(name);
      return { status: 'success', message: 'stream stopped' };
    }
    let stream: Stream;
    try {
      stream = controller.viewed(name, 'mjpeg');
      const running = controller.running(stream.name);
      // Who may only watch, watches; its picture keeps the source awake for as long.
      const answer = !running && mayChange(request) ? controller.start(stream.name, 'mjpeg', null, false) : null;
      if (answer && answer.status !== 'success') return answer;
      if (running && running !== 'mjpeg') {
        return {
          status: 'error',
          message: `${stream.name} is viewed by ${running}; stop that first`,
          detector: stream.name,
          protocol: running,
        };
      }
    } catch (thrown) {
      return errorAnswer(thrown);
    }

    const abort = new AbortController();
    const end = () => abort.abort();
    reply.raw.once('close', end);
    reply.raw.on('error', end);
    signal.addEventListener('abort', end, { once: true });
    const started = controller.running(stream.name) === 'mjpeg';
    const offs = [
      stream.events.on('closed', end),
      liveViews.events.on('stopped', (view) => started && view.stream === stream.name && view.protocol === 'mjpeg' && end()),
      () => signal.removeEventListener('abort', end),
    ];
    const output = meter('mjpeg', stream.name);
    const own = output.viewer();
    const watch = stream.watch();
    const subscribe = () => {
      const rendition = stream.rendition(renditionOf('mjpeg', params.effective('mjpeg', stream.name)));
      const reader = rendition.subscribe('imswitch-mjpeg', 1, 'newest', () => own.skipped.add('newest'));
      if (rendition.newest) reader.queue.push(rendition.newest);
      return { reader, rendition };
    };
    let { reader, rendition } = subscribe();
    let offered = 0;
    const count = () => {
      own.offered = offered + reader.queue.stats.offered;
    };
    offs.push(
      params.onChange(() => {
        const next = subscribe();
        if (next.rendition === rendition) return next.reader.close();
        const old = reader;
        offered += old.queue.stats.offered;
        ({ reader, rendition } = next);
        old.close();
      }),
    );
    reply.hijack();
    const { raw } = reply;
    for (const [header, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(header, value);
    raw.writeHead(200, HEADERS);
    raw.write('--frame\r\n');
    try {
      for (;;) {
        const { queue } = reader;
        const packet = await queue.take(abort.signal);
        count();
        if (!packet && queue !== reader.queue && !abort.signal.aborted) continue;
        if (!packet) break;
        if (!(await writePart(raw, packet, abort.signal))) {
          raw.destroy();
          break;
        }
        output.onSent(packet, stream.clock.now());
        own.sent++;
        own.bytes += packet.data.length;
      }
    } finally {
      for (const off of offs) off();
      reader.close();
      count();
      own[Symbol.dispose]();
      watch[Symbol.dispose]();
      if (!raw.destroyed) raw.end('\r\n\r\n--frame--\r\n');
    }
    return reply;
  };
}

const parts = new WeakMap<Packet, Buffer>();

/** The bytes of a part, made once for all viewers. */
function partOf(packet: Packet): Buffer {
  let part = parts.get(packet);
  if (!part) {
    const { data, id, timestamp } = packet;
    const head = `Content-Type: image/jpeg\r\nContent-Length: ${data.length}\r\nX-Sluice-Frame: ${id}\r\nX-Sluice-Timestamp: ${timestamp}\r\n\r\n`;
    part = Buffer.concat([Buffer.from(head), data, Buffer.from(NEXT)]);
    parts.set(packet, part);
  }
  return part;
}

/** Settles when the socket takes more; `false`: it does not. */
async function writePart(raw: FastifyReply['raw'], packet: Packet, ended: AbortSignal): Promise<boolean> {
  if (raw.write(partOf(packet)) || ended.aborted) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const go = () => resolve(true);
  const timer = setTimeout(() => resolve(false), STALLED_MS);
  raw.once('drain', go);
  ended.addEventListener('abort', go, { once: true });
  const taken = await promise;
  clearTimeout(timer);
  raw.off('drain', go);
  ended.removeEventListener('abort', go);
  return taken;
}
