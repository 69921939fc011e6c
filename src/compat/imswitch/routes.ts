// REST of ImSwitch's LiveViewController: its addresses, its query, its bodies. What goes wrong is told in an answer with status 200, as its
// clients expect.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError, toSluiceError } from '../../core/errors.ts';
import type { Answer, Controller } from './controller.ts';

/** Where it is, and where it was before January 2026. */
export const API_PATHS = ['/imswitch/api/LiveViewController', '/LiveViewController'] as const;

/** Params and descriptions are small. */
const MAX_BODY = 256 * 1024;

/** A request in the words of the controller. */
interface Call {
  readonly query: Readonly<Record<string, string | undefined>>;
  /** The detector, from the query. */
  readonly detector: string | null;
  readonly body: unknown;
  readonly request: FastifyRequest;
}

type Handler = (call: Call) => unknown;

const TRUE = new Set(['1', 'true', 'True', 'yes', 'on']);

/** A switch of a query, as FastAPI reads it. */
export function flag(text: string | undefined, otherwise: boolean): boolean {
  return text === undefined ? otherwise : TRUE.has(text);
}

/** Params in a body: there they are the body; some of its pages wrap them, with the protocol beside them. */
function wrapped(body: unknown): { params: unknown; protocol: string | null; detectorName: string | null } {
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  if (typeof body === 'object' && body !== null && 'params' in body) {
    const { params, protocol, detectorName } = body as Record<string, unknown>;
    return { params, protocol: text(protocol), detectorName: text(detectorName) };
  }
  return { params: body, protocol: null, detectorName: null };
}

/** Declares the routes that need nothing but the controller. */
export function controllerRoutes(scope: FastifyInstance, controller: Controller): void {
  const get = (name: string, handler: Handler) => route(scope, 'GET', name, handler);
  const post = (name: string, handler: Handler) => route(scope, 'POST', name, handler);

  post('startLiveView', ({ query, detector, body }) => {
    const { params, protocol, detectorName } = wrapped(body);
    return controller.start(detector ?? detectorName, query.protocol ?? protocol, params, flag(query.force, false));
  });
  // `stopCamera` has no meaning here: a source sleeps when nobody needs it.
  get('stopLiveView', ({ detector }) => controller.stop(detector));
  get('getLiveViewActive', () => controller.active());
  post('setStreamParameters', ({ query, body }) => {
    const { params, protocol } = wrapped(body);
    const name = query.protocol ?? protocol;
    if (!name)
      throw new SluiceError('bad-value', 'protocol: nothing received; expected binary, jpeg, mjpeg or webrtc', { field: 'protocol' });
    return controller.setParameters(name, params);
  });
  post('setDetectorStreamParameters', ({ detector, body }) => {
    const { params, detectorName } = wrapped(body);
    return controller.setDetectorParameters(detector ?? detectorName, params);
  });
  get('getStreamParameters', ({ query, detector }) => controller.parameters(query.protocol ?? null, detector));
  get('getActiveStreams', () => controller.activeStreams());
  get('getCurrentStreamProtocol', ({ detector }) => controller.currentProtocol(detector));
  get('getStreamStatus', () => controller.status());
  get('getStreamDiagnostics', ({ detector }) => controller.diagnostics(detector));
  get('getLongExposureInfo', ({ detector }) => controller.longExposure(detector));
  get('stopLiveViewForLongExposure', ({ detector }) => controller.stopForLongExposure(detector));
}

/** Bodies are JSON, whatever their type says; none is `null`. */
export function readJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: MAX_BODY }, (_request, body, done) => {
    try {
      done(null, body === '' ? null : JSON.parse(String(body)));
    } catch {
      done(new SluiceError('bad-request', 'The body is not JSON.'));
    }
  });
}

/** Declares a route whose errors are answers. */
export function route(
  scope: FastifyInstance,
  method: 'GET' | 'POST',
  name: string,
  answerTo: Handler,
  paths: readonly string[] = API_PATHS,
): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const query = request.query as Call['query'];
    const answer = await attempt(() => answerTo({ query, detector: query.detectorName || null, body: request.body, request }));
    return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(JSON.stringify(answer));
  };
  for (const path of paths) scope.route({ method, url: `${path}/${name}`, schema: { hide: true }, handler });
}

async function attempt(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (thrown) {
    return errorAnswer(thrown);
  }
}

/** An error in ImSwitch's words; what is unforeseen goes the usual way. */
export function errorAnswer(thrown: unknown): Answer {
  const error = toSluiceError(thrown);
  if (error.code === 'internal') throw thrown;
  return { status: 'error', message: error.message, code: error.code };
}
