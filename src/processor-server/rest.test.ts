// The routes over real HTTP. Sessions are small ones in memory here: what is judged is answers, states and who is asked for what. Real
// streams: test/stream-processor.test.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { Scope } from '../core/scope.ts';
import type { OpenSession } from './host.ts';
import type { StreamProcessorOptions } from './options.ts';
import type { StreamProcessorServer } from './processor-server.ts';
import { runStreamProcessor } from './run.ts';
import type { SessionEnd, StartRequest, StreamSession } from './session.ts';

/** A stream that does nothing but note what it is told. */
class MemorySession implements StreamSession {
  readonly request: StartRequest;
  readonly stream: string;
  readonly told: unknown[] = [];
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly ended = this.#end.promise;
  /** What the next call throws. */
  fault: Error | null = null;

  constructor(request: StartRequest, stream: string) {
    this.request = request;
    this.stream = stream;
  }

  #note(...what: unknown[]): void {
    const { fault } = this;
    this.fault = null;
    if (fault) throw fault;
    this.told.push(what);
  }

  fps() {
    return { ingress_video_fps: 30, ingress_audio_fps: 50, egress_video_fps: 29.5, egress_audio_fps: 0 };
  }
  async updateParams(params: object) {
    this.#note('params', params);
  }
  setLoading(active: boolean) {
    this.#note('loading', active);
  }
  setTargetFps(fps: number | null) {
    this.#note('fps', fps);
  }
  sendData(text: string) {
    this.#note('data', text);
    return true;
  }
  sendEvent(event: object, type: string) {
    this.#note('event', event, type);
    return true;
  }
  async stop(reason?: string) {
    this.#note('stop', reason);
    this.end({ reason: 'stopped', error: null });
  }
  end(end: SessionEnd) {
    this.#end.resolve(end);
  }
}

interface Tested {
  readonly server: StreamProcessorServer;
  readonly sessions: MemorySession[];
  readonly states: string[];
  get(path: string, init?: RequestInit): Promise<{ code: number; body: Body; headers: Headers }>;
  post(path: string, body?: unknown, type?: string): Promise<{ code: number; body: Body; headers: Headers }>;
}
// biome-ignore lint/suspicious/noExplicitAny: answers are judged as they come
type Body = any;

async function serve(scope: Scope, options: StreamProcessorOptions = {}, open?: OpenSession): Promise<Tested> {
  const sessions: MemorySession[] = [];
  const states: string[] = [];
  const server = scope.use(
    await runStreamProcessor({
      port: 0,
      ...(options.processor || options.handlers ? {} : { video: () => null }),
      onState: (state) => states.push(state),
      openSession:
        open ??
        (async (request, { stream }) => {
          const session = new MemorySession(request, stream);
          sessions.push(session);
          return session;
        }),
      ...options,
    }),
  );
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(new URL(path, server.url), init);
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json');
    return { code: response.status, body: json ? JSON.parse(text) : text, headers: response.headers };
  };
  const post = (path: string, body?: unknown, type = 'application/json') =>
    get(path, {
      method: 'POST',
      ...(body !== undefined && { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return { server, sessions, states, get, post };
}

/** `current_state` of a server whose processor is loaded. */
const current = (status: string, active = 0, info: object = {}) => ({
  status,
  state: status,
  error_message: null,
  pipeline_ready: status === 'IDLE' || status === 'OK',
  active_streams: active,
  startup_complete: status !== 'LOADING',
  pipeline_state: status,
  additional_info: expect.objectContaining(info),
});
const failed = (message: string) => ({ status: 'error', message });

let scope = new Scope();
afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

describe('one stream at a time', () => {
  const shared = new Scope();
  let tested: Tested;
  beforeAll(async () => {
    tested = await serve(shared, {
      healthCheckInterval: 0.3,
      capabilityName: 'test-model',
      pipeline: 'test-pipeline',
      version: '1.0.0',
      routePrefix: '/v1',
    });
    await tested.server.loaded;
    return () => shared.close();
  });
  afterEach(async () => {
    await tested.post('stream/stop');
    tested.sessions.length = 0;
  });

  it.each([['stream'], ['api/stream'], ['v1/stream']])('%s/start, params, status, stop', async (path) => {
    const { get, post, sessions } = tested;
    const urls = { subscribe_url: 'http://127.0.0.1:1/in', publish_url: 'http://127.0.0.1:1/out' };
    const started = await post(`${path}/start`, {
      ...urls,
      gateway_request_id: 'test-123',
      params: { width: '512', height: 512, intensity: 0.8 },
    });
    expect(started.code).toBe(200);
    expect(started.body).toEqual({
      status: 'success',
      message: 'Stream started successfully',
      request_id: 'test-123',
      current_state: current('OK', 1),
    });
    expect(sessions[0]!.request.params).toEqual({ width: 512, height: 512, intensity: 0.8 });

    expect((await get(`${path}/status`)).body).toEqual({
      ...current('OK', 1, {
        streams: [{ request_id: 'test-123', stream: 'test-123', state: 'running', since: expect.any(String), error: null }],
      }),
      client_active: true,
      client_running: true,
      fps: { ingress_video_fps: 30, ingress_audio_fps: 50, egress_video_fps: 29.5, egress_audio_fps: 0 },
      current_params: { ...urls, gateway_request_id: 'test-123' },
    });
    expect((await get('health')).body).toEqual({ status: 'OK' });

    const changed = await post(`${path}/params`, { intensity: 0.9, gateway_request_id: 'is one of the user here' });
    expect(changed).toMatchObject({ code: 200, body: { status: 'success', message: 'Parameters updated successfully' } });
    expect(sessions[0]!.told).toEqual([['params', { intensity: 0.9, gateway_request_id: 'is one of the user here' }]]);

    const stopped = await post(`${path}/stop`, {});
    expect(stopped).toMatchObject({ code: 200, body: { status: 'success', message: 'Stream stopped successfully' } });
    expect((await get(`${path}/status`)).body).toEqual({
      ...current('IDLE', 0, {
        streams: [],
        last_stream: expect.objectContaining({ request_id: 'test-123', reason: 'stopped', error: null }),
      }),
      client_active: false,
    });
  });

  it('live-video-to-video is start; a second one is refused until the first has ended', async () => {
    const { post } = tested;
    expect((await post('live-video-to-video', { gateway_request_id: 'a' })).code).toBe(200);
    for (const id of ['b', 'a']) {
      const second = await post('stream/start', { gateway_request_id: id });
      expect(second).toMatchObject({ code: 503, body: { ...failed('Pipeline is still in use'), current_state: current('OK', 1) } });
    }
    expect((await post('stream/stop')).code).toBe(200);
    expect((await post('stream/start', { gateway_request_id: 'b' })).code).toBe(200);
  });

  it('of many starts at once one succeeds', async () => {
    const codes = await Promise.all(
      ['a', 'b', 'c'].map(async (id) => (await tested.post('stream/start', { gateway_request_id: id })).code),
    );
    expect(codes.sort()).toEqual([200, 503, 503]);
    expect(tested.sessions).toHaveLength(1);
  });

  it.each([
    ['{', 'application/json', 'The body is no JSON: "{"'],
    ['', 'application/json', 'The body is empty; expected a JSON object'],
    ['{}', 'text/plain', 'Unknown content type: text/plain; expected application/json'],
    ['{}', 'application/json', 'gateway_request_id: is missing; expected a text'],
    ['[]', 'application/json', 'The body: [] received; expected an object'],
    ['{"gateway_request_id":"a","params":{"width":1}}', 'application/json', "Both 'width' and 'height' must be provided together"],
    ['{"gateway_request_id":"a","params":{"max_framerate":120}}', 'application/json', 'max_framerate cannot exceed 60 FPS; 120 received'],
    [JSON.stringify('x'.repeat(1_100_000)), 'application/json', 'the body is too large; expected at most 1048576 bytes'],
  ])('a start with %#: refused, and changes nothing', async (body, type, words) => {
    const { post, get, sessions } = tested;
    expect(await post('stream/start', body, type)).toMatchObject({
      code: 400,
      body: { ...failed(`Error starting stream: ${words}`), current_state: current('IDLE') },
    });
    expect(sessions).toHaveLength(0);
    expect((await get('health')).body).toEqual({ status: 'IDLE' });
  });

  it('params and stop without a stream', async () => {
    const { post } = tested;
    expect(await post('stream/params', { a: 1 })).toMatchObject({ code: 400, body: failed('No active stream to update') });
    expect(await post('stream/stop', {})).toMatchObject({ code: 400, body: failed('No active stream to stop') });
  });

  it.each([
    ['{', 'application/json', 'The body is no JSON: "{"'],
    ['a=1', 'application/x-www-form-urlencoded', 'Unknown content type: application/x-www-form-urlencoded; expected application/json'],
    ['{"width":5}', 'application/json', "Both 'width' and 'height' must be provided together"],
    ['{"detect_out_resolution":"maybe"}', 'application/json', 'detect_out_resolution must be a boolean value; "maybe" received'],
    ['5', 'application/json', 'The body: 5 received; expected an object'],
  ])('params %#: refused', async (body, type, words) => {
    const { post, sessions } = tested;
    await post('stream/start', { gateway_request_id: 'a' });
    expect(await post('stream/params', body, type)).toMatchObject({ code: 500, body: failed(`Parameter update failed: ${words}`) });
    expect(sessions[0]!.told).toEqual([]);
  });

  it('a user function that throws on params is told, and the stream goes on', async () => {
    const { post, get, sessions } = tested;
    await post('stream/start', { gateway_request_id: 'a' });
    sessions[0]!.fault = new Error('no such style\n    at secret (/home/me/x.ts)');
    const answer = await post('stream/params', { style: 'x' });
    expect(answer).toMatchObject({ code: 500, body: failed('Parameter update failed: no such style') });
    const errors = async () => (await get('stream/status')).body.additional_info.streams.map(({ error }: Body) => error);
    expect(await errors()).toEqual(['no such style']);
    expect((await get('health')).body).toEqual({ status: 'OK' });
    expect((await post('stream/params', { style: 'y' })).code).toBe(200);
    expect(await errors()).toEqual([null]);
  });

  it('a stop that fails is told', async () => {
    const { post, sessions } = tested;
    await post('stream/start', { gateway_request_id: 'a' });
    sessions[0]!.fault = new Error('it hangs');
    expect(await post('stream/stop')).toMatchObject({ code: 500, body: failed('Error stopping stream: it hangs') });
  });

  it('a stream that fails makes the state ERROR with its reason; the next good start ends that', async () => {
    const { post, get, sessions, states, server } = tested;
    await post('stream/start', { gateway_request_id: 'a' });
    states.length = 0;
    sessions[0]!.end({ reason: 'failed', error: 'the decoder gave up' });
    await expect.poll(() => states).toEqual(['ERROR']);
    expect((await get('health')).body).toEqual({ status: 'ERROR' });
    const last_stream = expect.objectContaining({ reason: 'failed', error: 'the decoder gave up' });
    expect((await get('stream/status')).body).toEqual({
      ...current('ERROR', 0, { error: 'the decoder gave up', last_stream }),
      client_active: false,
    });
    expect(server.state.status).toBe('ERROR');
    expect((await post('stream/start', { gateway_request_id: 'a' })).body).toMatchObject({ current_state: current('OK', 1) });
    await post('stream/stop');
    expect(states).toEqual(['ERROR', 'OK', 'IDLE']);
  });

  it.each(['input-ended', 'input-not-found', 'output-ended'] as const)('%s ends a stream and is no error', async (reason) => {
    const { post, get, sessions } = tested;
    await post('stream/start', { gateway_request_id: 'a' });
    sessions[0]!.end({ reason, error: 'why' });
    await expect.poll(async () => (await get('health')).body).toEqual({ status: 'IDLE' });
    const { body } = await get('stream/status');
    expect(body.additional_info.last_stream).toMatchObject({ request_id: 'a', reason, error: 'why' });
    expect(body).not.toHaveProperty('current_params');
  });

  it('versions and hardware; the versions of Sluice stay', async () => {
    const { get } = tested;
    const model = { pipeline: 'test-pipeline', model_id: 'test-model' };
    expect((await get('version')).body).toEqual({ sluice: '0.1.0', node: process.version, api: 1, ...model, version: '0.1.0' });
    expect((await get('app-version')).body).toEqual({ version: '1.0.0' });
    expect((await get('hardware/info')).body).toEqual({ ...model, gpu_info: expect.any(Object) });
    expect((await get('hardware/stats')).body).toEqual({ ...model, gpu_stats: expect.any(Object) });
    expect((await get('healthz')).body).toBe('ok\n');
    expect((await get('api/streams')).body).toEqual({ items: [] });
  });

  it('other methods and paths are problems of the server', async () => {
    const { get } = tested;
    expect(await get('stream/start')).toMatchObject({ code: 405, body: { code: 'method-not-allowed', allowed: ['POST'] } });
    expect(await get('stream/other')).toMatchObject({ code: 404, body: { code: 'not-found' } });
  });
});

describe('several streams', () => {
  it('are told apart by their ids', async () => {
    const { post, get, sessions, server } = await serve(scope, { maxStreams: 2, customRoutes: [] });
    await server.loaded;
    const one = { gateway_request_id: 'one', subscribe_url: 'http://h/1' };
    expect((await post('stream/start', one)).code).toBe(200);
    expect((await post('stream/start', { gateway_request_id: 'Zwei/2' })).code).toBe(200);
    expect(await post('stream/start', one)).toMatchObject({
      code: 409,
      body: {
        ...failed('Error starting stream: "one" runs already; expected another gateway_request_id, or stop it first'),
        current_state: current('OK', 2),
      },
    });
    expect(await post('stream/start', { gateway_request_id: 'three' })).toMatchObject({
      code: 503,
      body: failed('Pipeline is still in use'),
    });
    expect(sessions[1]!.stream).toMatch(/^Zwei-2-[0-9a-f]{8}$/);

    expect(await post('stream/params', { a: 1 })).toMatchObject({
      code: 400,
      body: failed('2 streams run; say with ?request_id= or gateway_request_id which one to update: one, Zwei/2'),
    });
    expect((await post('stream/params', { a: 1, gateway_request_id: 'one' })).code).toBe(200);
    expect((await post('stream/params?request_id=Zwei%2F2', { a: 2 })).code).toBe(200);
    expect((await post(`stream/params?request_id=${sessions[1]!.stream}`, { a: 3 })).code).toBe(200);
    expect(sessions.map(({ told }) => told)).toEqual([
      [['params', { a: 1 }]],
      [
        ['params', { a: 2 }],
        ['params', { a: 3 }],
      ],
    ]);
    expect(await post('stream/params?request_id=three', { a: 2 })).toMatchObject({
      code: 400,
      body: failed('No active stream "three" to update'),
    });

    const { body } = await get('stream/status');
    expect(body.current_params.gateway_request_id).toBe('one');
    expect(body.streams.map((stream: Body) => [stream.request_id, stream.current_params.subscribe_url])).toEqual([
      ['one', 'http://h/1'],
      ['Zwei/2', null],
    ]);
    expect((await get('stream/status?request_id=Zwei%2F2')).body.current_params.gateway_request_id).toBe('Zwei/2');
    expect((await get('stream/status?request_id=three')).code).toBe(404);

    expect(() => server.sendData('x')).toThrow('2 streams run; say for which one it is: one, Zwei/2');
    expect(server.sendData('x', 'one')).toBe(true);
    expect(server.sendMonitoringEvent({ a: 1 }, undefined, 'one')).toBe(true);
    expect(server.sendData('x', 'nobody')).toBe(false);
    expect(server.setTargetFps(5)).toBe(true);
    expect(server.setLoadingOverlay(true, 'Zwei/2')).toBe(true);
    expect(sessions[0]!.told.slice(1)).toEqual([
      ['data', 'x'],
      ['event', { a: 1 }, 'custom_monitoring_event'],
      ['fps', 5],
    ]);
    expect(sessions[1]!.told.slice(2)).toEqual([
      ['fps', 5],
      ['loading', true],
    ]);

    // One that fails does not take the health of the others along.
    sessions[0]!.end({ reason: 'failed', error: 'why' });
    await expect.poll(() => server.sessions.size).toBe(1);
    expect((await get('health')).body).toEqual({ status: 'OK' });
    expect((await post('stream/stop', { gateway_request_id: 'Zwei/2' })).code).toBe(200);
    expect(server.setTargetFps(5)).toBe(false);
    for (const wrong of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => server.setTargetFps(wrong)).toThrow(expect.objectContaining({ code: 'bad-value' }));
    }
    expect((await get('health')).body).toEqual({ status: 'IDLE' });
  });
});

describe('loading', () => {
  it('is told, refuses starts, and fails into ERROR, which the next start mends', async () => {
    const gate = Promise.withResolvers<void>();
    let loads = 0;
    const { post, get, server, states } = await serve(scope, {
      video: () => null,
      load: async ({ progress }) => {
        loads++;
        progress('reading weights', 0.25);
        if (loads > 1) return 5;
        await gate.promise;
        throw new Error('no weights');
      },
    });
    const refused = { code: 503, body: failed('Pipeline is still initializing. Please wait for IDLE status.') };
    expect((await get('health')).body).toEqual({ status: 'LOADING' });
    expect(await post('stream/start', { gateway_request_id: 'a' })).toMatchObject(refused);
    expect((await get('stream/status')).body).toEqual({
      ...current('LOADING', 0, { loading: { message: 'reading weights', progress: 0.25 } }),
      client_active: false,
    });
    gate.resolve();
    await server.loaded;
    expect((await get('health')).body).toEqual({ status: 'ERROR' });
    expect((await get('stream/status')).body).toMatchObject({
      pipeline_ready: false,
      startup_complete: false,
      additional_info: {
        error: 'Model loading failed: no weights',
        components: { processor: { state: 'ERROR', error: 'no weights' } },
      },
    });
    expect(await post('stream/start', { gateway_request_id: 'a' })).toMatchObject(refused);
    await expect.poll(() => states).toEqual(['ERROR', 'IDLE']);
    expect((await post('stream/start', { gateway_request_id: 'a' })).code).toBe(200);
    expect(loads).toBe(2);
  });

  it('a start that cannot be is a 400, and a stop while one begins ends it', async () => {
    const begun = Promise.withResolvers<void>();
    const sessions: MemorySession[] = [];
    const { post, get, server, states } = await serve(scope, { healthCheckInterval: 0.1 }, async (request, { stream }) => {
      if (request.gateway_request_id === 'bad') throw new SluiceError('bad-value', 'the picture is too large');
      await begun.promise;
      const session = new MemorySession(request, stream);
      sessions.push(session);
      return session;
    });
    await server.loaded;
    const bad = await post('stream/start', { gateway_request_id: 'bad' });
    expect(bad).toMatchObject({
      code: 400,
      body: { ...failed('Error starting stream: the picture is too large'), current_state: current('IDLE') },
    });
    const starting = post('stream/start', { gateway_request_id: 'a' });
    await expect.poll(async () => (await get('stream/status')).body.additional_info.streams).toMatchObject([{ state: 'starting' }]);
    const stopping = post('stream/stop');
    await expect.poll(async () => (await get('stream/status')).body.additional_info.streams).toMatchObject([{ state: 'stopping' }]);
    begun.resolve();
    expect((await starting).code).toBe(200);
    expect((await stopping).code).toBe(200);
    expect((await get('health')).body).toEqual({ status: 'IDLE' });

    // A gateway that sends no streams to a server with an error does not keep it there for ever.
    await post('stream/start', { gateway_request_id: 'b' });
    states.length = 0;
    sessions.at(-1)!.end({ reason: 'failed', error: 'why' });
    await expect.poll(() => states).toEqual(['ERROR', 'IDLE']);
  });
});

describe('the program around it', () => {
  it('has routes, files, middleware, context and hooks of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-static-'));
    scope.defer(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'hello.txt'), 'hello');
    const order: string[] = [];
    const { get, post, server } = await serve(scope, {
      staticRoutes: [{ prefix: '/files', path: folder }],
      appContext: { count: 1 },
      customRoutes: [
        {
          method: 'GET',
          path: '/hello/:name',
          handler: (_request, { params, query, app }) => ({ ...params, q: query.get('q'), count: app.get('count') }),
        },
        { method: 'POST', path: '/echo', handler: async (request) => new Response((await request.text()).toUpperCase(), { status: 201 }) },
        { method: 'DELETE', path: '/nothing', handler: () => undefined },
        {
          method: 'GET',
          path: '/fault',
          handler: () => {
            throw new Error('secret');
          },
        },
      ],
      middleware: [
        async (request, next) => {
          order.push(new URL(request.url).pathname);
          const response = await next();
          response.headers.set('x-seen', 'yes');
          return response;
        },
        async (request, next) => (request.headers.get('x-blocked') ? Response.json({ no: true }, { status: 418 }) : await next()),
      ],
      onStartup: (running) => void order.push(`up ${running.state.status}`),
      onShutdown: [(running) => void order.push(`down ${running.state.status}`)],
    });
    expect(await get('hello/me?q=1')).toMatchObject({ code: 200, body: { name: 'me', q: '1', count: 1 } });
    expect(await post('echo', 'words', 'text/plain')).toMatchObject({ code: 201, body: 'WORDS' });
    expect((await get('nothing', { method: 'DELETE' })).code).toBe(204);
    const fault = await get('fault');
    expect(fault).toMatchObject({ code: 500, body: { code: 'internal' } });
    expect(JSON.stringify(fault.body)).not.toContain('secret');
    expect(await get('files/hello.txt')).toMatchObject({ code: 200, body: 'hello' });
    const health = await get('health', { headers: { 'x-blocked': '1' } });
    expect(health).toMatchObject({ code: 418, body: { no: true } });
    expect(health.headers.get('x-seen')).toBe('yes');
    await server.loaded;
    await server.close();
    expect(order).toEqual(['up LOADING', '/hello/me', '/echo', '/nothing', '/fault', '/health', 'down IDLE']);
  });

  it('may do without the default routes', async () => {
    const { get } = await serve(scope, {
      enableDefaultRoutes: false,
      customRoutes: [{ method: 'GET', path: '/health', handler: () => 'own' }],
    });
    expect((await get('health')).body).toBe('own');
    expect((await get('stream/status')).code).toBe(404);
    expect((await get('version')).body).toEqual({ sluice: expect.any(String), node: process.version, api: 1 });
  });

  it.each([
    [
      { customRoutes: [{ method: 'GET', path: '/health', handler: () => 1 }] },
      'customRoutes: GET /health: the server has this route already',
    ],
    [{ customRoutes: [{ method: 'BREW', path: '/x', handler: () => 1 }] }, 'customRoutes: BREW /x: expected a method of GET, POST'],
    [{ staticRoutes: [{ prefix: '/f', path: '/no/such/folder' }] }, 'staticRoutes: /f: there is no folder /no/such/folder'],
    [{ maxStreams: 0 }, 'maxStreams: 0 received; expected an integer from 1 to 64'],
    [{ maxstreams: 2 }, 'maxstreams'],
    [{ video: undefined, handlers: { vidoe: () => null } }, 'handlers.vidoe is no handler; did you mean video?'],
    [{ processor: './no-such-file.ts' }, 'there is no file'],
    [{ processor: { external: true }, handlers: {} }, 'processor and an object of handlers received; expected one of them'],
  ])('%j is told', async (options, words) => {
    const { video = () => null, ...rest } = options as { video?: () => null };
    const own = 'handlers' in rest || 'processor' in rest ? {} : { video };
    await expect(runStreamProcessor({ port: 0, ...own, ...rest } as StreamProcessorOptions)).rejects.toThrow(words);
  });
});

describe('access', () => {
  it('needs the token beyond loopback; health is for everybody; addresses of channels have to be allowed', async () => {
    const server = { token: 'token-for-all', viewToken: 'token-to-view', allowSources: ['http://orch:8935/'] };
    const { get, server: running } = await serve(scope, { server });
    await running.loaded;
    const as = (token: string | null, path: string, body?: object) =>
      get(path, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
      });
    expect((await as(null, 'health')).code).toBe(200);
    expect((await as(null, 'stream/status')).code).toBe(401);
    expect((await as('token-to-view', 'stream/status')).code).toBe(200);
    expect((await as('token-to-view', 'stream/start', { gateway_request_id: 'a' })).code).toBe(403);
    const start = (subscribe_url: string) => as('token-for-all', 'stream/start', { gateway_request_id: 'a', subscribe_url });
    expect(await start('http://169.254.169.254/latest')).toMatchObject({
      code: 400,
      body: failed(
        'Error starting stream: http://169.254.169.254/latest: this channel is not allowed over REST. If it should be, add to the configuration: allowSources: ["http://169.254.169.254/"]',
      ),
    });
    expect((await start('http://orch:8935/job-in')).code).toBe(200);
  });
});
