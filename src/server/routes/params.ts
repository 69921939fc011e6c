// REST of params: those of a stream's source and processors as one set, and presets of them.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ParamSetInfo, ParamsChanged, Preset, PresetInput, PresetList, PresetName } from '../../api/params.ts';
import { StreamName } from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import { admissionOf } from '../access.ts';
import type { RouteContext } from '../context.ts';

const OfStream = z.object({ stream: StreamName });
const OfPreset = z.object({ stream: StreamName, name: PresetName });
const tags = ['params'];

export function paramRoutes({ app, streams, params, presets }: RouteContext): void {
  const streamOf = (request: FastifyRequest) => streams.registry.get((request.params as { stream: string }).stream);
  const nameOf = (request: FastifyRequest) => (request.params as { name: string }).name;

  app.get(
    '/api/streams/:stream/params',
    {
      schema: {
        tags,
        summary: 'Values, JSON Schema and origin of the params of the source and of all processors',
        params: OfStream,
        response: { 200: ParamSetInfo },
      },
    },
    async (request) => await params.describe(streamOf(request)),
  );

  app.patch(
    '/api/streams/:stream/params',
    {
      schema: {
        tags,
        summary: 'Change some, all or none; the answer says from which frame id they hold. null gives a value back to its default',
        params: OfStream,
        body: z.record(z.string(), z.unknown()),
        response: { 200: ParamsChanged },
      },
    },
    async (request) => await params.change(streamOf(request), request.body as Record<string, unknown>, admissionOf(request)),
  );

  app.get(
    '/api/streams/:stream/presets',
    { schema: { tags, summary: 'All presets of a stream, by name', params: OfStream, response: { 200: PresetList } } },
    async (request) => ({ items: await presets.list(streamOf(request)) }),
  );

  app.get(
    '/api/streams/:stream/presets/:name',
    { schema: { tags, summary: 'One preset', params: OfPreset, response: { 200: Preset } } },
    async (request) => await presets.get(streamOf(request), nameOf(request)),
  );

  app.put(
    '/api/streams/:stream/presets/:name',
    {
      schema: {
        tags,
        summary: 'Save params under a name: some, or all as they are now',
        params: OfPreset,
        body: PresetInput.nullish(),
        response: { 200: Preset, 201: Preset },
      },
    },
    async (request, reply) => {
      const { values } = parseInput(PresetInput, request.body ?? {});
      const { preset, created } = await presets.save(streamOf(request), nameOf(request), values);
      reply.code(created ? 201 : 200);
      return preset;
    },
  );

  app.delete(
    '/api/streams/:stream/presets/:name',
    { schema: { tags, summary: 'Remove a preset', params: OfPreset, response: { 204: z.null() } } },
    async (request, reply) => {
      await presets.remove(streamOf(request), nameOf(request));
      return reply.code(204).send();
    },
  );

  app.post(
    '/api/streams/:stream/presets/:name/apply',
    { schema: { tags, summary: 'Apply a preset, all of it or nothing', params: OfPreset, response: { 200: ParamsChanged } } },
    async (request) => await presets.apply(streamOf(request), nameOf(request), admissionOf(request)),
  );
}
