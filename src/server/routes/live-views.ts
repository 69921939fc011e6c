// REST of live views: which detectors are viewed by which protocol, and the params of viewers who say nothing themselves.
import { z } from 'zod';
import {
  EffectiveParams,
  LiveView,
  LiveViewList,
  LiveViewRequest,
  LiveViewStop,
  LongExposure,
  PARAMS_OF,
  ParamsDescription,
  StreamDiagnostics,
  ViewProtocol,
} from '../../api/live-views.ts';
import { StreamName } from '../../api/schema.ts';
import { AcquisitionInput } from '../../api/timeline.ts';
import { parseInput } from '../../api/zod-problem.ts';
import type { RouteContext } from '../context.ts';

const tags = ['live views'];
const Which = z.object({ protocol: ViewProtocol, stream: StreamName.optional().describe('default: the values of the protocol') });
const OfStream = z.object({ stream: StreamName.optional() });

export function liveViewRoutes({ app, liveViews, streams }: RouteContext): void {
  app.post<{ Params: { stream: string } }>(
    '/api/streams/:stream/acquisition',
    {
      schema: {
        tags,
        summary: 'A program that pushes says whether it acquires pictures now: starts and stops the live view',
        params: z.object({ stream: StreamName }),
        body: z.union([AcquisitionInput, z.array(AcquisitionInput).min(1).max(500)]),
        response: { 200: z.object({ items: z.array(LiveView) }) },
      },
    },
    async (request) => {
      const said = parseInput(z.array(AcquisitionInput), Array.isArray(request.body) ? request.body : [request.body]);
      const stream = await streams.forPush(request.params.stream);
      for (const one of said) stream.announce(one);
      return { items: liveViews.all().filter((view) => view.stream === stream.name) };
    },
  );

  app.get(
    '/api/live-views',
    {
      schema: {
        tags,
        summary: 'Live views that were started and not stopped',
        response: {
          200: LiveViewList,
        },
      },
    },
    async () => ({
      mode: liveViews.mode,
      items: liveViews.all(),
      detectors: liveViews.detectors().map(({ name }) => liveViews.longExposure(name)),
    }),
  );

  app.post(
    '/api/live-views/start',
    {
      schema: {
        tags,
        summary: 'Start a live view: its source runs until it is stopped',
        body: LiveViewRequest,
        response: { 200: LiveView },
      },
    },
    async (request) => liveViews.start(parseInput(LiveViewRequest, request.body ?? {})),
  );

  app.post(
    '/api/live-views/stop',
    {
      schema: {
        tags,
        summary: 'Stop live views; the answer says which',
        body: LiveViewStop,
        response: { 200: z.object({ items: z.array(LiveView) }) },
      },
    },
    async (request) => ({ items: liveViews.stop(parseInput(LiveViewStop, request.body ?? {})) }),
  );

  app.get(
    '/api/live-views/params',
    { schema: { tags, summary: 'Params of viewers who say nothing themselves', querystring: Which, response: { 200: ParamsDescription } } },
    async (request) => {
      const { protocol, stream } = Which.parse(request.query);
      return { ...liveViews.params(protocol, stream), schema: z.toJSONSchema(PARAMS_OF[protocol]) };
    },
  );

  app.patch(
    '/api/live-views/params',
    {
      schema: {
        tags,
        summary: 'Change some of them, at once, for a protocol or one stream; null takes a value back',
        querystring: Which,
        body: z.record(z.string(), z.unknown()),
        response: { 200: EffectiveParams },
      },
    },
    async (request) => {
      const { protocol, stream } = Which.parse(request.query);
      const changed = liveViews.setParams(protocol, stream, request.body as Record<string, unknown>);
      return { ...liveViews.params(protocol, stream), changed };
    },
  );

  app.get(
    '/api/live-views/diagnostics',
    {
      schema: {
        tags,
        summary: 'Rates, ages and gaps by stage',
        querystring: OfStream,
        response: { 200: z.object({ items: z.array(StreamDiagnostics) }) },
      },
    },
    async (request) => ({ items: liveViews.diagnostics(OfStream.parse(request.query).stream) }),
  );

  app.get(
    '/api/live-views/long-exposure',
    {
      schema: {
        tags,
        summary: 'Whether a detector exposes too long for a live view',
        querystring: OfStream,
        response: { 200: LongExposure },
      },
    },
    async (request) => liveViews.longExposure(OfStream.parse(request.query).stream),
  );
}
