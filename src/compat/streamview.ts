// What pages of streamview expect: one HLS stream, and a socket that tells one number per frame as `{"index", "value"}`.
import type { MetricSample } from '../api/timeline.ts';
import type { Stream } from '../pipeline/stream.ts';
import { type CompatContext, chooseStream } from './compat.ts';

/** A page that does not read loses numbers beyond so many bytes. */
const MOST_WAITING = 65_536;
/** A stream that had a metric in this time counts as one with metrics, µs. */
const RECENT_US = 600_000_000;

export function openStreamview({ app, upgrades, registry, timeline, tokenQuery, settings }: CompatContext): void {
  const hasMetrics = async (stream: Stream) => {
    if (Object.keys(stream.config.metrics).length) return true;
    const { series } = await timeline(stream.name).metrics({ start: stream.clock.now() - RECENT_US, step: 0, limit: 1 });
    return series.length > 0;
  };
  const choose = (query: URLSearchParams) => chooseStream(registry, query.get('stream') ?? settings.streamview.stream, hasMetrics);

  app.get('/compat/streamview/stream/stream.m3u8', { schema: { hide: true } }, async (request, reply) => {
    const stream = await choose(new URLSearchParams(request.url.split('?')[1]));
    const query = ['ll=0', tokenQuery(request)].filter(Boolean).join('&');
    return reply.header('cache-control', 'no-store').redirect(`../../../live/${stream.name}/hls/index.m3u8?${query}`, 302);
  });

  upgrades.route(
    '/compat/streamview/ws',
    async (ws, _request, _params, query) => {
      const stream = await choose(query);
      const asked = query.get('metric') ?? settings.streamview.metric ?? Object.keys(stream.config.metrics)[0];
      const numbers = new NumberRow(asked);
      const off = [
        timeline(stream.name).events.on('metric', ({ samples }) => {
          for (const sample of samples) {
            const message = numbers.read(sample);
            if (message && ws.bufferedAmount < MOST_WAITING) ws.send(JSON.stringify(message));
          }
        }),
        stream.events.on('closed', () => ws.close(1001, 'the stream is gone')),
      ];
      const end = () => {
        for (const stop of off.splice(0)) stop();
      };
      ws.once('close', end);
      if (ws.readyState !== ws.OPEN) end();
    },
    // A wrong name is an answer of HTTP, not a socket that closes.
    { before: async (_request, _params, query) => void (await choose(query)) },
  );
}

/** One metric as a row of numbers: the index is the frame id where it is known, and always rises. */
export class NumberRow {
  #metric: string | undefined;
  #index = -1;

  /** @param metric absent: the first number that comes decides */
  constructor(metric: string | undefined) {
    this.#metric = metric;
  }

  /** The message for a sample; `null`: nothing of this metric. */
  read({ values, frame }: MetricSample): { index: number; value: number } | null {
    this.#metric ??= Object.keys(values).find((name) => typeof values[name] === 'number');
    const value = this.#metric === undefined ? null : values[this.#metric];
    if (typeof value !== 'number' || !Number.isFinite(value)) return null;
    this.#index = Math.max(this.#index + 1, frame ?? 0);
    return { index: this.#index, value };
  }
}
