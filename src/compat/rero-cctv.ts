// What viewers of ReRo-CCTV expect: `WS /websocket/{quality}` on the server's root, each binary message one whole JPEG and nothing else. A change
// of quality is a new connection; each quality is encoded once, whoever watches.
import type { WebSocket } from 'ws';
import type { Stream } from '../pipeline/stream.ts';
import { type CompatContext, chooseStream } from './compat.ts';

const LEAST = 30;
const MOST = 95;
/** Pictures per second at most, as there. */
const FPS = 34;
/** RFC 6455 7.4.1: data that cannot be accepted. The seed meant to send it. */
const UNSUPPORTED = 1003;

export function openReroCctv({ upgrades, registry, settings, meter }: CompatContext): void {
  const choose = (query: URLSearchParams) => chooseStream(registry, query.get('stream') ?? settings.reroCctv.stream, () => true);
  upgrades.route(
    '/websocket/:quality',
    async (ws, _request, params, query) => {
      const text = params.quality!;
      const quality = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
      // Accepted first: a browser tells its page the reason of a close, but not of a refused upgrade.
      if (!(quality >= LEAST && quality <= MOST)) {
        ws.close(UNSUPPORTED, `quality ${text.slice(0, 20)} received; allowed are whole numbers from ${LEAST} to ${MOST}`);
        return;
      }
      const stream = await choose(query);
      await serve(ws, stream, quality, meter('rero-cctv', stream.name).viewer());
    },
    // A wrong stream is an answer of HTTP.
    { before: async (_request, _params, query) => void (await choose(query)) },
  );
}

async function serve(
  ws: WebSocket,
  stream: Stream,
  quality: number,
  counters: ReturnType<ReturnType<CompatContext['meter']>['viewer']>,
): Promise<void> {
  using watch = stream.watch();
  void watch;
  const fps = stream.fps > FPS ? FPS : null;
  const rendition = stream.rendition({ codec: 'jpeg', quality, width: null, fps });
  using subscription = rendition.subscribe('rero-cctv', 1, 'newest', () => counters.skipped.add('newest'));
  using viewer = counters;
  viewer.queue = () => subscription.queue.stats;
  const abort = new AbortController();
  const off = stream.events.on('closed', () => ws.close(1001, 'the stream was removed'));
  ws.once('close', () => abort.abort());
  if (ws.readyState !== ws.OPEN) abort.abort();
  for (;;) {
    const packet = await subscription.queue.take(abort.signal);
    viewer.offered = subscription.queue.stats.offered;
    if (!packet) break;
    viewer.sent++;
    viewer.bytes += packet.data.length;
    // One picture in the socket: what comes meanwhile is replaced by something newer.
    await new Promise<void>((resolve) => ws.send(packet.data, { binary: true }, () => resolve()));
  }
  off();
  if (ws.readyState === ws.OPEN) ws.close(1001, 'the stream has ended');
}
