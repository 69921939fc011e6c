import { type AddressInfo, connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { StreamConfig, StreamName } from '../api/schema.ts';
import { SluiceError } from '../core/errors.ts';
import { silentLogger } from '../core/log.ts';
import { installProblems, onClientError, onFrameworkError } from './problem.ts';

const error = vi.fn();
let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  app = Fastify({ bodyLimit: 1000, clientErrorHandler: onClientError, frameworkErrors: onFrameworkError });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  installProblems(app, { ...silentLogger, error });
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.put('/api/streams/:stream', { schema: { params: z.object({ stream: StreamName }), body: StreamConfig } }, async () => ({}));
  typed.get(
    '/api/list',
    { schema: { querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(9).optional() }) } },
    async () => ({}),
  );
  typed.get('/broken', { schema: { response: { 200: z.object({ a: z.number() }) } } }, async () => ({ a: 'secret' }) as never);
  app.get('/sluice', async () => {
    throw new SluiceError('no-frames', 'The stream has no picture yet.', { stream: 'cam' });
  });
  app.get('/zod', async () => z.object({ a: z.number() }).parse({ a: 'x' }));
  app.get('/bug', async () => {
    throw new TypeError('secret path /home/me');
  });
  app.get('/thrown', async () => {
    throw 'secret text';
  });
  app.get('/live/:stream/snapshot.:ext', async () => 'x');
  app.get('/half', async (_, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-length': '100' });
    reply.raw.write('x');
    reply.raw.destroy();
  });
  app.delete('/api/streams/:stream', async () => ({}));
  app.get('/*', async (_, reply) => reply.callNotFound());
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(() => app.close());

async function ask(method: string, url: string, body?: string, type = 'application/json') {
  const answer = await app.inject({
    method: method as 'GET',
    url,
    ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? null : answer.json() };
}

describe('errors of routes', () => {
  const cases: [
    name: string,
    request: [method: string, url: string, body?: string, type?: string],
    status: number,
    code: string,
    detail: RegExp,
  ][] = [
    ['our own', ['GET', '/sluice'], 503, 'no-frames', /^The stream has no picture yet\.$/],
    ['zod in the route', ['GET', '/zod'], 400, 'bad-value', /^a: /],
    [
      'a wrong value in the body',
      ['PUT', '/api/streams/cam', '{"source":{"type":"pattern","fps":-1}}'],
      400,
      'bad-value',
      /^the body: source\.fps: -1 received; expected a number above 0 up to 1000$/,
    ],
    [
      'an unknown key in the body',
      ['PUT', '/api/streams/cam', '{"tilte":"x"}'],
      400,
      'unknown-key',
      /^the body: tilte is not a known key; did you mean title\?$/,
    ],
    ['no body', ['PUT', '/api/streams/cam'], 400, 'bad-value', /^the body: /],
    [
      'a stream name',
      ['PUT', '/api/streams/a%20b', '{}'],
      400,
      'bad-name',
      /^the path: stream: "a b" received; expected 1 to 64 characters/,
    ],
    ['a query', ['GET', '/api/list?limit=99'], 400, 'bad-value', /^the query: limit: "99" received; expected an integer from 1 to 9$/],
    ['a key of a query', ['GET', '/api/list?limt=9'], 400, 'unknown-key', /did you mean limit\?/],
    ['broken JSON', ['PUT', '/api/streams/cam', '{"a":'], 400, 'bad-request', /JSON/],
    ['an empty JSON body', ['PUT', '/api/streams/cam', ''], 400, 'bad-request', /empty/],
    [
      'a body that is too large',
      ['PUT', '/api/streams/cam', `"${'x'.repeat(1000)}"`],
      413,
      'too-large',
      /^1002 bytes received; expected at most 1000\.$/,
    ],
    ['a media type', ['PUT', '/api/streams/cam', 'x', 'text/csv'], 415, 'unsupported-media-type', /^Content-Type text\/csv received/],
    ['an unknown address', ['GET', '/nothing/here?token=x'], 404, 'not-found', /^There is nothing under \/nothing\/here\.$/],
    ['a method', ['POST', '/api/streams/cam', '{}'], 405, 'method-not-allowed', /^POST received; \/api\/streams\/cam takes DELETE, PUT\.$/],
    ['a method of a dotted address', ['DELETE', '/live/cam/snapshot.png'], 405, 'method-not-allowed', /takes GET, HEAD/],
    ['an address that no route has, by POST', ['POST', '/nothing'], 404, 'not-found', /nothing/],
    ['a broken address', ['GET', '/api/%'], 400, 'bad-request', /./],
  ];
  it.each(cases)('%s', async (_, request, status, code, detail) => {
    const answer = await ask(...request);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toMatchObject({ status, code, type: `urn:sluice:error:${code}` });
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toMatch(detail);
    if (status === 405) expect(answer.headers.allow).toMatch(/^[A-Z, ]+$/);
  });

  it.each(['/bug', '/thrown', '/broken'])('keeps what is unforeseen to itself and logs it once: %s', async (url) => {
    error.mockClear();
    const answer = await ask('GET', `${url}?token=hush`);
    expect(answer.body).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|at .*\.ts/);
    expect(error).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(error.mock.calls)).not.toContain('hush');
  });

  it('answers HEAD without a body', async () => {
    const answer = await ask('HEAD', '/nothing');
    expect(answer.status).toBe(404);
    expect(answer.body).toBeNull();
  });
});

describe('bytes that are no request', () => {
  const send = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', (thrown: NodeJS.ErrnoException) =>
        thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE' ? resolve(text) : reject(thrown),
      );
    });
  it.each([
    ['a header that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
    ['noise', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 noise\r\n\r\n', 400, 'bad-request'],
  ])('%s', async (_, bytes, status, code) => {
    const [head = '', body = ''] = (await send(bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toContain('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ code, status });
    expect((await ask('GET', '/sluice')).status).toBe(503);
  });
});
