// REST of streams: configuration and state, start and stop, figures.
import { z } from 'zod';
import { StreamConfig, StreamInfo, StreamName, StreamStats, ViewConfig } from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { parseStreamName } from '../../core/stream-name.ts';
import { admissionOf } from '../access.ts';
import type { RouteContext } from '../context.ts';
import { checkChannels, checkProcessors, checkSource } from '../source-access.ts';

const Params = z.object({ stream: StreamName });
const tags = ['streams'];

export function streamRoutes({ app, streams, config }: RouteContext): void {
  const { registry } = streams;

  app.get(
    '/api/streams',
    { schema: { tags, summary: 'All streams', response: { 200: z.object({ items: z.array(StreamInfo) }) } } },
    async () => ({
      items: registry.listed().map((stream) => streams.info(stream)),
    }),
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream',
    { schema: { tags, summary: 'Configuration and state', params: Params, response: { 200: StreamInfo } } },
    async (request) => streams.info(registry.get(request.params.stream)),
  );

  app.put<{ Params: { stream: string } }>(
    '/api/streams/:stream',
    {
      schema: {
        tags,
        summary: 'Make or change a stream',
        params: Params,
        body: StreamConfig,
        response: { 200: StreamInfo, 201: StreamInfo },
      },
    },
    async (request, reply) => {
      const name = parseStreamName(request.params.stream);
      const parsed = streams.withSecrets(name, streams.parse(request.body ?? {}));
      checkSource(parsed.source, admissionOf(request), config.allowSources);
      checkProcessors(parsed.processors, admissionOf(request), config.allowProcessors);
      checkChannels(
        parsed.publish.map(({ url }) => url),
        admissionOf(request),
        config.allowSources,
      );
      const { stream, created } = await streams.put(name, parsed);
      reply.code(created ? 201 : 200);
      if (created) reply.header('location', name);
      return streams.info(stream);
    },
  );

  app.delete<{ Params: { stream: string } }>(
    '/api/streams/:stream',
    {
      schema: {
        tags,
        summary: 'Remove a stream and what is kept of it; recordings made of it stay',
        params: Params,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await streams.remove(request.params.stream);
      return reply.code(204).send();
    },
  );

  for (const verb of ['start', 'stop'] as const) {
    app.post<{ Params: { stream: string } }>(
      `/api/streams/:stream/${verb}`,
      {
        schema: {
          tags,
          summary: verb === 'start' ? 'Let the source run when it is needed' : 'Stop the source, whoever watches',
          params: Params,
          response: { 200: StreamInfo },
        },
      },
      async (request) => {
        const stream = registry.get(request.params.stream);
        stream[verb]();
        return streams.info(stream);
      },
    );
  }

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/stats',
    { schema: { tags, summary: 'Rates, latencies, drops by reason, queues', params: Params, response: { 200: StreamStats } } },
    async (request) => streams.stats(registry.get(request.params.stream)),
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/view',
    { schema: { tags, summary: 'How 16-bit and float frames are shown in lossy pictures', params: Params, response: { 200: ViewConfig } } },
    async (request) => registry.get(request.params.stream).config.view,
  );

  app.patch<{ Params: { stream: string } }>(
    '/api/streams/:stream/view',
    {
      schema: {
        tags,
        summary: 'Change some of it, at once and for all viewers',
        params: Params,
        body: z.record(z.string(), z.unknown()),
        response: { 200: ViewConfig },
      },
    },
    async (request) => {
      const stream = registry.get(request.params.stream);
      const view = parseInput(ViewConfig, { ...stream.config.view, ...(request.body as object) });
      await streams.setView(stream, view);
      return view;
    },
  );
}
