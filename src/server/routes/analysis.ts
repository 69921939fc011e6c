// Single frames looked at on demand, at full depth: histogram and sharpness.
import { z } from 'zod';
import { FocusParams, HistogramParams, StreamName } from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import type { RouteContext } from '../context.ts';

const number = z.coerce.number();
const Query = z.object({ bins: number.optional(), low: number.optional(), high: number.optional() });
const tags = ['analysis'];
const Params = z.object({ stream: StreamName });
const Which = { frame: z.number(), timestamp: z.number().describe('capture time, µs') };

/** Answer of `GET /api/streams/{stream}/histogram`. */
const Histogram = z.object({
  ...Which,
  low: z.number().describe('first level of the first bin'),
  high: z.number().describe('last level of the last bin'),
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  bins: z.array(z.number()).describe('pixels; what lies outside is in the first and last bin'),
});

export function analysisRoutes({ app, streams }: RouteContext): void {
  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/histogram',
    {
      schema: {
        tags,
        summary: 'How often each level occurs in a frame of now: every pixel at full depth, made when it is asked for',
        params: Params,
        querystring: Query,
        response: { 200: Histogram },
      },
    },
    async (request) => {
      const stream = streams.registry.get(request.params.stream);
      const { info, findings } = await stream.look('histogram', parseInput(HistogramParams, Query.parse(request.query)));
      const metrics = findings?.metrics ?? {};
      const of = (name: string) => Number(metrics[`histogram.${name}`] ?? 0);
      const range = { low: of('low'), high: of('high'), min: of('min'), max: of('max'), mean: of('mean') };
      return { frame: info.id, timestamp: info.timestamp, ...range, bins: (metrics.histogram as number[] | null) ?? [] };
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/focus',
    {
      schema: {
        tags,
        summary: 'How sharp a frame of now is: larger is sharper, comparable within one scene',
        params: Params,
        response: { 200: z.object({ ...Which, focus: z.number().nullable() }) },
      },
    },
    async (request) => {
      const { info, findings } = await streams.registry.get(request.params.stream).look('focus', FocusParams.parse({}));
      return { frame: info.id, timestamp: info.timestamp, focus: findings?.metrics?.focus ?? null };
    },
  );
}
