// REST of metrics.
import { z } from 'zod';
import { StreamName } from '../../api/schema.ts';
import { MetricAnswer, MetricInput } from '../../api/timeline.ts';
import { SluiceError } from '../../core/errors.ts';
import { parseDuration } from '../../core/time.ts';
import { QUEUE_LIMIT } from '../../timeline/metric-queue.ts';
import type { MetricQuery } from '../../timeline/timeline.ts';
import type { RouteContext } from '../context.ts';
import { BODY_LIMIT, listOf, MetricListQuery, oneOrMany, spanOf, unchecked } from './timeline-input.ts';

const tags = ['timeline'];
const Params = z.object({ stream: StreamName });
const Taken = z.object({
  accepted: z.number().describe('samples that were taken'),
  dropped: z.number().describe('samples that found no place in the queue'),
});

export function metricRoutes({ app, timelines }: RouteContext): void {
  app.post<{ Params: { stream: string } }>(
    '/api/streams/:stream/metrics',
    {
      bodyLimit: BODY_LIMIT,
      validatorCompiler: unchecked,
      schema: {
        tags,
        summary: 'Send one sample of some metrics, or a list of them',
        params: Params,
        body: z.union([MetricInput, z.array(MetricInput)]),
        response: { 202: Taken },
      },
    },
    async (request, reply) => {
      const timeline = timelines.of(request.params.stream);
      const { items } = oneOrMany(MetricInput, request.body);
      const taken = timeline.addMetrics(items);
      if (taken.dropped > 0 && taken.accepted === 0) {
        const message = `none of ${taken.dropped} samples found a place: at most ${QUEUE_LIMIT} numbers wait for the disk`;
        throw new SluiceError('queue-full', message, { ...taken, limit: QUEUE_LIMIT });
      }
      return reply.code(202).send(taken);
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/metrics',
    {
      schema: {
        tags,
        summary: 'Metrics of a span: raw samples, or min, max and mean per step',
        params: Params,
        querystring: MetricListQuery,
        response: { 200: MetricAnswer },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      return await timeline.metrics(metricQuery(MetricListQuery.parse(request.query)));
    },
  );
}

/** Reads the query of a route that answers metrics. */
export function metricQuery(query: Partial<z.output<typeof MetricListQuery>>): MetricQuery {
  const names = listOf(query.names);
  return {
    ...spanOf(query),
    ...(names ? { names } : {}),
    ...(query.limit === undefined ? {} : { limit: query.limit }),
    ...(query.step === undefined ? {} : { step: stepOf(query.step) }),
  };
}

/** µs of a bin: a number of them, or a duration. */
function stepOf(text: string): number {
  const step = /^\d{1,15}$/.test(text) ? Number(text) : parseDuration(text, 'step') * 1000;
  if (step === 0 || step >= 1000) return step;
  throw new SluiceError('bad-value', `step: ${text} received; expected µs from 1000 up, a duration such as 1s, or 0 for raw samples`, {
    field: 'step',
    received: text,
  });
}
