// Every error that leaves the server over HTTP: RFC 9457 problem documents from SluiceError, zod and Fastify's own errors.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type ZodIssue, zodProblem } from '../api/zod-problem.ts';
import { type ErrorCode, SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { redactUrl } from '../core/redact-url.ts';

/** Media type of problem documents. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Codes of Fastify's errors that a client can cause. Others that carry a 4xx status become `bad-request`. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported-media-type',
  FST_ERR_BAD_URL: 'bad-request',
  FST_ERR_MAX_LENGTH: 'not-found',
  FST_ERR_NOT_FOUND: 'not-found',
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  408: 'request-timeout',
  409: 'conflict',
  410: 'gone',
  413: 'too-large',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
  431: 'headers-too-large',
};

const PART: Readonly<Record<string, string>> = { body: 'the body', querystring: 'the query', params: 'the path', headers: 'the headers' };

/** Answers with the problem document of an error. */
export function sendProblem(reply: FastifyReply, error: SluiceError): FastifyReply {
  return reply.code(error.status).type(PROBLEM_TYPE).send(JSON.stringify(error.toProblem()));
}

/**
 * Whatever a route threw, as the error that the client gets. `null`: not the client's doing and not foreseen; it must be logged and is
 * answered as `internal`, without its text.
 */
export function clientError(thrown: unknown, request?: FastifyRequest): SluiceError | null {
  if (thrown instanceof SluiceError) return thrown;
  if (thrown instanceof z.ZodError) return zodProblem(thrown, '');
  if (thrown === null || typeof thrown !== 'object') return null;
  const error = thrown as Partial<FastifyError>;
  if (Array.isArray(error.validation)) return validationProblem(error, request);
  const status = error.statusCode;
  const code = FASTIFY_CODES[error.code ?? ''] ?? (status === undefined ? undefined : BY_STATUS[status]);
  if (code === undefined && !(status !== undefined && status >= 400 && status < 500)) return null;
  return new SluiceError(code ?? 'bad-request', messageOf(error, code, request), {}, thrown);
}

function messageOf(error: Partial<FastifyError>, code: ErrorCode | undefined, request?: FastifyRequest): string {
  if (code === 'too-large') {
    const limit = request?.routeOptions?.bodyLimit;
    const received = request?.headers['content-length'];
    return `${received ?? 'More'} bytes received${limit ? `; expected at most ${limit}` : ''}.`;
  }
  if (code === 'unsupported-media-type') {
    return `Content-Type ${request?.headers['content-type'] ?? '(none)'} received; it is not accepted here.`;
  }
  return String(error.message ?? 'The request cannot be read.');
}

/** fastify-type-provider-zod hands on zod's issues, wrapped; the schema and the value are still on the request. */
function validationProblem(error: Partial<FastifyError>, request?: FastifyRequest): SluiceError {
  const context = error.validationContext ?? '';
  const issues = (error.validation ?? []).map((entry): ZodIssue => {
    // Its key, path and message lie beside the rest of zod's issue.
    const path = (entry.instancePath ?? '').split('/').filter(Boolean);
    return { ...(entry.params as object | undefined), code: entry.keyword, path, message: entry.message ?? 'not allowed' };
  });
  const parts: Record<string, unknown> = {
    body: request?.body,
    querystring: request?.query,
    params: request?.params,
    headers: request?.headers,
  };
  const schema = (request?.routeOptions?.schema as Record<string, unknown> | undefined)?.[context];
  const isName = context === 'params' && issues.length > 0 && issues.every((issue) => issue.path[0] === 'stream');
  return zodProblem({ issues }, PART[context] ?? '', {
    input: parts[context],
    ...(schema instanceof z.ZodType ? { schema } : {}),
    ...(isName ? { code: 'bad-name' as const } : {}),
  });
}

/**
 * Installs error handler, 404 and 405 on the server. Call it before any route is declared: 405 needs to know them all.
 */
export function installProblems(app: FastifyInstance, log: Logger): void {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', (route) => {
    // The catch-all of static files stands for names that may not exist: it makes no path known.
    if (route.url === '*' || route.url === '/*') return;
    routes.push({ pattern: patternOf(route.url), methods: [route.method].flat() });
  });

  app.setErrorHandler((thrown, request, reply) => {
    const error = clientError(thrown, request) ?? unforeseen(thrown, request, log);
    if (error.status >= 500 && error.code !== 'internal') log.debug({ code: error.code, url: redactUrl(request.url) }, 'request failed');
    if (reply.sent || reply.raw.headersSent) {
      // Too late for an answer: the client must see that the body is not whole.
      reply.raw.destroy();
      return;
    }
    // Headers for the answer that was planned must not describe this one.
    for (const name of ['content-length', 'content-encoding', 'content-disposition', 'etag', 'last-modified']) reply.removeHeader(name);
    reply.header('cache-control', 'no-store');
    sendProblem(reply, error);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const allowed = new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods));
    if (allowed.has('GET')) allowed.add('HEAD');
    reply.header('cache-control', 'no-store');
    if (allowed.size > 0 && !allowed.has(request.method)) {
      const list = [...allowed].sort();
      reply.header('allow', list.join(', '));
      const message = `${request.method} received; ${path} takes ${list.join(', ')}.`;
      return sendProblem(reply, new SluiceError('method-not-allowed', message, { received: request.method, allowed: list }));
    }
    return sendProblem(reply, new SluiceError('not-found', `There is nothing under ${path}.`, { received: path }));
  });
}

/** Logged here, once: nobody further out sees the cause. */
function unforeseen(thrown: unknown, request: FastifyRequest, log: Logger): SluiceError {
  const cause = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log.error({ method: request.method, url: redactUrl(request.url), cause }, 'a request failed for an unforeseen reason');
  return new SluiceError('internal', 'Something went wrong inside the server; its log says more.');
}

function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}|[\]\\]/g, '\\$&')
    .replace(/:[A-Za-z0-9_]+(\([^)]*\))?/g, '[^/]+')
    .replaceAll('*', '.*')
    .replace(/\/$/, '');
  return new RegExp(`^${source}/?$`);
}

/** For Fastify's option `frameworkErrors`: addresses that no router can read. */
export function onFrameworkError(thrown: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, clientError(thrown) ?? new SluiceError('bad-request', 'The address cannot be read.'));
}

/** For Fastify's option `clientErrorHandler`: bytes that are no HTTP request, headers that are too large, clients that are too slow. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawProblem(parserError(error.code)), () => socket.destroy());
}

function parserError(code: string | undefined): SluiceError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new SluiceError('headers-too-large', 'More than 16 KiB of header received; expected at most 16384 bytes.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new SluiceError('request-timeout', 'The header did not come in time.');
  return new SluiceError('bad-request', `What was received is no HTTP/1.1 request (${code ?? 'unknown'}).`);
}

/** A whole HTTP answer with the problem document, for sockets that have no response object. */
export function rawProblem(error: SluiceError, headers: Readonly<Record<string, string>> = {}): string {
  const body = JSON.stringify(error.toProblem());
  const lines = Object.entries({
    ...headers,
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(new TextEncoder().encode(body).length),
    'Cache-Control': 'no-store',
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
