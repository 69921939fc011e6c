// REST of markers.
import { z } from 'zod';
import { StreamName } from '../../api/schema.ts';
import { Marker, MarkerId, MarkerInput, MarkerPage, MarkerPatch } from '../../api/timeline.ts';
import { parseInput } from '../../api/zod-problem.ts';
import type { RouteContext } from '../context.ts';
import { BODY_LIMIT, listOf, MarkerListQuery, oneOrMany, spanOf, unchecked } from './timeline-input.ts';

const tags = ['timeline'];
const Params = z.object({ stream: StreamName });
const OneParams = z.object({ stream: StreamName, id: MarkerId });

export function markerRoutes({ app, timelines }: RouteContext): void {
  app.post<{ Params: { stream: string } }>(
    '/api/streams/:stream/markers',
    {
      bodyLimit: BODY_LIMIT,
      validatorCompiler: unchecked,
      schema: {
        tags,
        summary: 'Set one marker, or a list of them: all or none. The same id again is the same marker. Answered when it is on disk.',
        params: Params,
        body: z.union([MarkerInput, z.array(MarkerInput)]),
        response: { 200: z.union([Marker, z.array(Marker)]) },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      const { items, many } = oneOrMany(MarkerInput, request.body);
      const markers = await timeline.mark(items);
      return many ? markers : markers[0]!;
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/markers',
    {
      schema: {
        tags,
        summary: 'Markers that overlap a span, oldest or newest first; or what has changed after a sequence number',
        params: Params,
        querystring: MarkerListQuery,
        response: { 200: MarkerPage },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      const query = MarkerListQuery.parse(request.query);
      const kinds = listOf(query.kind);
      return await timeline.markers({
        ...spanOf(query),
        ...(kinds ? { kinds } : {}),
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.limit === undefined ? {} : { limit: query.limit }),
        newestFirst: query.order === 'newest',
      });
    },
  );

  app.get<{ Params: { stream: string; id: string } }>(
    '/api/streams/:stream/markers/:id',
    { schema: { tags, summary: 'One marker', params: OneParams, response: { 200: Marker } } },
    async (request) => await timelines.of(request.params.stream).marker(request.params.id),
  );

  app.patch<{ Params: { stream: string; id: string } }>(
    '/api/streams/:stream/markers/:id',
    {
      validatorCompiler: unchecked,
      schema: {
        tags,
        summary: 'Change a marker, such as the end of an open span',
        params: OneParams,
        body: MarkerPatch,
        response: { 200: Marker },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      return await timeline.changeMarker(request.params.id, parseInput(MarkerPatch, request.body ?? {}));
    },
  );

  app.delete<{ Params: { stream: string; id: string } }>(
    '/api/streams/:stream/markers/:id',
    { schema: { tags, summary: 'Remove a marker', params: OneParams, response: { 204: z.null() } } },
    async (request, reply) => {
      await timelines.of(request.params.stream).removeMarker(request.params.id);
      return reply.code(204).send();
    },
  );
}
