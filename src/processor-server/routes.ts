// Routes of a processor server on the framework of the server: its own, the user's, and folders of files. Handlers take a Request and give a
// Response, as `fetch` has them, or a value that becomes JSON.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { SluiceError } from '../core/errors.ts';
import { admissionOf } from '../server/access.ts';
import type { Admission } from '../server/admission.ts';

/** Most bytes of a body. */
const BODY_LIMIT = 1_048_576;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export interface RouteContext<Server> {
  /** Parts of the path: `:name` in it. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** What `appContext` has given, and what handlers have put there. */
  readonly app: Map<string, unknown>;
  readonly server: Server;
  /** What the client may do, and why. */
  readonly admission: Admission;
}

export type RouteHandler<Server> = (request: Request, context: RouteContext<Server>) => unknown;

/** A route of the user's own. */
export interface CustomRoute<Server> {
  readonly method: (typeof METHODS)[number];
  /** `/hello/:name`. */
  readonly path: string;
  readonly handler: RouteHandler<Server>;
}

/** Stands around all routes of the processor server; the first is the outermost. */
export type Middleware<Server> = (
  request: Request,
  next: () => Promise<Response>,
  context: RouteContext<Server>,
) => Response | Promise<Response>;

export interface Route<Server> extends CustomRoute<Server> {
  readonly summary?: string;
  /** The answer to a body that could not be read. */
  readonly onError?: (error: SluiceError) => Response;
}

export interface RouteTable<Server> {
  readonly routes: readonly Route<Server>[];
  readonly middleware: readonly Middleware<Server>[];
  readonly staticRoutes: readonly { readonly prefix: string; readonly path: string }[];
  readonly app: Map<string, unknown>;
  /** Known once the server runs. */
  readonly server: () => Server;
}

/** Declares the routes. Throws `bad-value` for one that the server has already. */
export async function mountRoutes<Server>(app: FastifyInstance, table: RouteTable<Server>): Promise<void> {
  await app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    // Handlers read bodies themselves.
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) => done(null, body));
    // A throw would not reach whoever waits.
    try {
      for (const route of table.routes) mount(scope, route, table);
      registered();
    } catch (error) {
      registered(error as Error);
    }
  });
  for (const { prefix, path } of table.staticRoutes) {
    await app.register(fastifyStatic, { root: resolve(path), prefix: prefix.endsWith('/') ? prefix : `${prefix}/`, decorateReply: false });
  }
}

/** Throws `bad-value` for what can be no route. */
export function checkRoutes<Server>({
  routes,
  middleware,
  staticRoutes,
}: Pick<RouteTable<Server>, 'routes' | 'middleware' | 'staticRoutes'>): void {
  for (const { method, path, handler } of routes) {
    const field = `customRoutes: ${method} ${path}`;
    if (!METHODS.includes(method)) throw wrong(field, `expected a method of ${METHODS.join(', ')}`);
    if (typeof path !== 'string' || !path.startsWith('/')) throw wrong(field, 'expected a path that begins with /');
    if (typeof handler !== 'function') throw wrong(field, 'expected a function as handler');
  }
  for (const one of middleware) if (typeof one !== 'function') throw wrong('middleware', 'expected functions');
  for (const { prefix, path } of staticRoutes) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw wrong(`staticRoutes: ${prefix}`, `there is no folder ${resolve(path)}`);
  }
}

function wrong(what: string, why: string): SluiceError {
  return new SluiceError('bad-value', `${what}: ${why}`, { field: what.split(':', 1)[0] });
}

function mount<Server>(scope: FastifyInstance, route: Route<Server>, table: RouteTable<Server>): void {
  const { method, path, handler, summary, onError } = route;
  const chain = table.middleware.reduceRight<(request: Request, context: RouteContext<Server>) => Promise<Response>>(
    (next, middleware) => async (request, context) => await middleware(request, () => next(request, context), context),
    async (request, context) => responseOf(await handler(request, context)),
  );
  try {
    scope.route({
      method: method satisfies HTTPMethods,
      url: path,
      schema: summary === undefined ? { hide: true } : { tags: ['stream processor'], summary },
      ...(onError && {
        errorHandler: async (thrown: Error & { code?: string }, _request: FastifyRequest, reply: FastifyReply) => {
          const tooLarge = thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE';
          const message = tooLarge ? `the body is too large; expected at most ${BODY_LIMIT} bytes` : 'the body cannot be read';
          await answer(reply, onError(new SluiceError(tooLarge ? 'too-large' : 'bad-request', message)));
        },
      }),
      handler: async (request, reply) => {
        const url = new URL(request.url, 'http://host');
        const context = {
          params: request.params as Record<string, string>,
          query: url.searchParams,
          app: table.app,
          server: table.server(),
          admission: admissionOf(request),
        };
        return await answer(reply, await chain(requestOf(request), context));
      },
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'FST_ERR_DUPLICATED_ROUTE') throw error;
    throw wrong(`customRoutes: ${method} ${path}`, 'the server has this route already; expected another path');
  }
}

/** The request as `fetch` has them. */
function requestOf({ raw, method, url, protocol, host, body }: FastifyRequest): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers)) {
    // HTTP/2 has its own kind in front.
    if (!name.startsWith(':') && value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const bytes = Buffer.isBuffer(body) ? new Uint8Array(body) : null;
  const plain = method === 'GET' || method === 'HEAD';
  return new Request(new URL(url, `${protocol}://${host || 'localhost'}`), { method, headers, ...(bytes && !plain && { body: bytes }) });
}

function responseOf(value: unknown): Response {
  if (value instanceof Response) return value;
  return value === undefined ? new Response(null, { status: 204 }) : Response.json(value);
}

async function answer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  reply.code(response.status).header('cache-control', 'no-store');
  for (const [name, value] of response.headers) if (name !== 'set-cookie') reply.header(name, value);
  const cookies = response.headers.getSetCookie();
  if (cookies.length) reply.header('set-cookie', cookies);
  if (response.body === null) return reply.send();
  // JSON is whole already; anything else may come for as long as it likes.
  const isJson = /^application\/json\b/.test(response.headers.get('content-type') ?? '');
  return reply.send(isJson ? Buffer.from(await response.arrayBuffer()) : Readable.fromWeb(response.body as ReadableStream));
}
