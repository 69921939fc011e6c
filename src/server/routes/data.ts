// REST of data records: any JSON objects, bound to frames.
import { z } from 'zod';
import { StreamName } from '../../api/schema.ts';
import { DataInput, DataItem, DataPage } from '../../api/timeline.ts';
import type { RouteContext } from '../context.ts';
import { BODY_LIMIT, DataListQuery, oneOrMany, spanOf, unchecked } from './timeline-input.ts';

const tags = ['timeline'];
const Params = z.object({ stream: StreamName });

export function dataRoutes({ app, timelines }: RouteContext): void {
  app.post<{ Params: { stream: string } }>(
    '/api/streams/:stream/data',
    {
      bodyLimit: BODY_LIMIT,
      validatorCompiler: unchecked,
      schema: {
        tags,
        summary: 'Send one record, or a list of them; `boxes` of a record are drawn over the picture',
        params: Params,
        body: z.union([DataInput, z.array(DataInput)]),
        response: { 200: z.union([DataItem, z.array(DataItem)]) },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      const { items, many } = oneOrMany(DataInput, request.body);
      const stored = await timeline.addData(items);
      return many ? stored : stored[0]!;
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/api/streams/:stream/data',
    {
      schema: {
        tags,
        summary: 'Records of a span, oldest or newest first; or those after a sequence number',
        params: Params,
        querystring: DataListQuery,
        response: { 200: DataPage },
      },
    },
    async (request) => {
      const timeline = timelines.of(request.params.stream);
      const { after, limit, order, ...query } = DataListQuery.parse(request.query);
      return await timeline.data({
        ...spanOf(query),
        ...(after === undefined ? {} : { after }),
        ...(limit === undefined ? {} : { limit }),
        newestFirst: order === 'newest',
      });
    },
  );
}
