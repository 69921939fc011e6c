// One viewer of an endless multipart answer (MJPEG): a queue of its own, where the newest picture wins, and an end when the socket takes
// nothing more, whatever it believes of itself.
import type { FastifyReply } from 'fastify';
import type { Packet } from '../core/packet.ts';
import { type MultipartMarks, multipartHead, multipartMarks } from '../formats/multipart.ts';
import type { Rendition } from '../pipeline/rendition.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { OutputMeter } from './meter.ts';
import { ViewerQueue } from './viewer-queue.ts';

/** Nothing is taken for so long: the viewer is gone. A large picture has as long as it takes at the least rate. */
const STALLED_MS = 3000;
const LEAST_BYTES_PER_MS = 32;

export interface MultipartOptions {
  readonly boundary: string;
  /** Headers of the answer; Content-Type names the boundary. */
  readonly headers: Readonly<Record<string, string>>;
  /** For the figures of the queue. */
  readonly name: string;
  readonly output: OutputMeter;
  /** The rendition that the settings of the moment ask for. */
  readonly rendition: () => Rendition;
  /** Calls back when these settings may have changed; gives its end. */
  readonly onSettings: (changed: () => void) => () => void;
  /** Aborted: the answer ends. */
  readonly signal: AbortSignal;
}

/** Answers with pictures until the viewer, the stream or the signal ends. */
export async function serveMultipart(reply: FastifyReply, stream: Stream, options: MultipartOptions): Promise<void> {
  const { output } = options;
  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort());
  reply.raw.on('error', () => abort.abort());
  const ended = AbortSignal.any([abort.signal, options.signal]);
  const { start, end, partOf } = partsOf(options.boundary);
  let rendition = options.rendition();
  const queue: ViewerQueue = new ViewerQueue(output, () => {
    const own = rendition.subscribe(options.name, 1, 'newest', () => {
      queue.count();
      queue.meter.skipped.add('newest');
    });
    if (rendition.newest) own.queue.push(rendition.newest);
    return own;
  });
  const watch = stream.watch();
  const unfollow = options.onSettings(() => {
    const next = options.rendition();
    if (next === rendition) return;
    rendition = next;
    queue.resubscribe();
  });
  const closed = stream.events.on('closed', () => abort.abort());
  reply.hijack();
  const { raw } = reply;
  // Headers that hooks have set (CORS, framing) would be lost with the hijacked reply.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, options.headers);
  raw.write(start);
  try {
    for (;;) {
      const { subscription } = queue;
      const packet = await queue.take(ended);
      // Other settings hold, and another queue is there.
      if (!packet && subscription !== queue.subscription && !ended.aborted) continue;
      if (!packet) break;
      if (!(await write(raw, partOf(packet), packet.data.length, ended))) {
        raw.destroy();
        break;
      }
      output.onSent(packet, stream.clock.now());
      queue.meter.sent++;
      queue.meter.bytes += packet.data.length;
      queue.count();
    }
  } finally {
    unfollow();
    closed();
    queue[Symbol.dispose]();
    watch[Symbol.dispose]();
    if (!raw.destroyed) raw.end(end);
  }
}

interface Parts extends MultipartMarks {
  /** The bytes of a part, made once for all viewers: one write is one system call, three in a cork are four (measured). */
  partOf(packet: Packet): Buffer;
}

const known = new Map<string, Parts>();

function partsOf(boundary: string): Parts {
  let parts = known.get(boundary);
  if (!parts) {
    const marks = multipartMarks(boundary);
    const made = new WeakMap<Packet, Buffer>();
    const partOf = (packet: Packet) => {
      let part = made.get(packet);
      if (!part) {
        const { data, id, timestamp } = packet;
        part = Buffer.concat([multipartHead({ contentType: 'image/jpeg', length: data.length, id, timestamp }), data, marks.next]);
        made.set(packet, part);
      }
      return part;
    };
    parts = { ...marks, partOf };
    known.set(boundary, parts);
  }
  return parts;
}

/** Settles when the socket takes more, so that a picture waits in our queue and not in the socket's. `false`: it does not. */
async function write(raw: FastifyReply['raw'], part: Buffer, bytes: number, ended: AbortSignal): Promise<boolean> {
  if (raw.write(part) || ended.aborted) return true;
  return await new Promise<boolean>((resolve) => {
    const done = (taken: boolean) => {
      clearTimeout(timer);
      raw.off('drain', onDrain);
      ended.removeEventListener('abort', onDrain);
      resolve(taken);
    };
    const onDrain = () => done(true);
    const timer = setTimeout(() => done(false), Math.max(STALLED_MS, bytes / LEAST_BYTES_PER_MS));
    raw.once('drain', onDrain);
    ended.addEventListener('abort', onDrain, { once: true });
  });
}
