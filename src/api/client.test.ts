import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../core/errors.ts';
import { parseEvent, SluiceClient } from './client.ts';
import { StreamConfig } from './schema.ts';

const info = {
  name: 'cam',
  title: 'Cam',
  description: '',
  pixelSize: null,
  state: 'live',
  reason: null,
  readOnly: false,
  config: StreamConfig.parse({ source: { type: 'pattern' } }),
  format: 'rgb24',
  width: 640,
  height: 360,
  dtype: 'uint8',
  shape: [360, 640, 3],
  fps: 30,
  audio: null,
  viewers: 0,
  lastFrame: null,
  dvr: { bytes: 0, start: null, end: null },
};

interface Asked {
  readonly url: string;
  readonly init: RequestInit;
}

function clientWith(
  answer: (asked: Asked) => Response | Promise<Response>,
  options: { base?: string; token?: string; timeoutMs?: number } = {},
) {
  const asked: Asked[] = [];
  const client = new SluiceClient({
    base: 'http://h/user/x/proxy/8000',
    ...options,
    fetch: async (input, init) => {
      const request = { url: String(input), init: init ?? {} };
      asked.push(request);
      return answer(request);
    },
  });
  return { client, asked };
}

const json = (value: unknown, status = 200, type = 'application/json') =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': type } });

async function failure(promise: Promise<unknown>): Promise<SluiceError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SluiceError)) throw new Error(`no SluiceError: ${String(error)}`);
  return error;
}

describe('requests', () => {
  test('keep the path prefix, write the token and the body', async () => {
    const { client, asked } = clientWith(() => json(info), { token: 'secret' });
    expect((await client.put('cam', { source: { type: 'pattern', fps: 5 } })).name).toBe('cam');
    expect(asked[0]?.url).toBe('http://h/user/x/proxy/8000/api/streams/cam');
    expect(asked[0]?.init).toMatchObject({ method: 'PUT', body: '{"source":{"type":"pattern","fps":5}}' });
    expect(asked[0]?.init.headers).toMatchObject({ authorization: 'Bearer secret', 'content-type': 'application/json' });
  });

  test('names cannot leave their place in the address', async () => {
    const { client, asked } = clientWith(() => json(info));
    await client.stream('../../x?y#z');
    expect(asked[0]?.url).toBe('http://h/user/x/proxy/8000/api/streams/..%2F..%2Fx%3Fy%23z');
  });

  test('a removal with keepalive says so', async () => {
    const { client, asked } = clientWith(() => new Response(null, { status: 204 }));
    await client.remove('cam', { keepalive: true });
    expect(asked[0]?.init).toMatchObject({ method: 'DELETE', keepalive: true });
  });

  test('lists streams', async () => {
    const { client } = clientWith(() => json({ items: [info] }));
    expect((await client.streams()).map((each) => each.name)).toEqual(['cam']);
  });

  test('a server without api/system is an old one, not an error', async () => {
    expect(await clientWith(() => new Response('no', { status: 404 })).client.system()).toBeNull();
    expect(await clientWith(() => json({ version: '0.1.0', disk: { bytes: 5, limit: null } })).client.system()).toEqual({
      version: '0.1.0',
      disk: { bytes: 5, limit: null },
    });
  });
});

describe('errors', () => {
  test('a problem document keeps code, detail and field', async () => {
    const problem = {
      type: 'urn:sluice:error:bad-value',
      title: 'A value is not allowed.',
      status: 400,
      code: 'bad-value',
      detail: 'source.fps: 0',
      field: 'source.fps',
    };
    const error = await failure(clientWith(() => json(problem, 400, 'application/problem+json')).client.put('cam', {}));
    expect(error.code).toBe('bad-value');
    expect(error.message).toBe('source.fps: 0');
    expect(error.details).toEqual({ field: 'source.fps' });
  });

  test('a code that this client does not know is told by its status', async () => {
    const error = await failure(clientWith(() => json({ code: 'toString', detail: 'no' }, 409)).client.start('cam'));
    expect([error.code, error.message]).toEqual(['conflict', 'no']);
  });

  test('pages of proxies become errors too', async () => {
    const answers: [number, string][] = [
      [401, 'unauthorized'],
      [403, 'forbidden'],
      [404, 'not-found'],
      [502, 'unavailable'],
      [500, 'internal'],
      [418, 'bad-request'],
    ];
    for (const [status, code] of answers) {
      const error = await failure(clientWith(() => new Response('<h1>no</h1>', { status })).client.stop('cam'));
      expect(error.code).toBe(code);
      expect(error.message).toContain(String(status));
    }
  });

  test('no server, no answer in time, no JSON, another shape', async () => {
    const refused = clientWith(() => Promise.reject(new TypeError('fetch failed')));
    expect(await failure(refused.client.streams())).toMatchObject({ code: 'unavailable', message: 'The server at h cannot be reached.' });
    const silent = clientWith(
      ({ init }) => new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
      {
        timeoutMs: 20,
      },
    );
    expect((await failure(silent.client.streams())).code).toBe('request-timeout');
    expect((await failure(clientWith(() => new Response('<html>')).client.streams())).message).toContain('is not JSON');
    expect((await failure(clientWith(() => json({ items: [{ ...info, fps: 'fast' }] })).client.streams())).message).toContain('fps');
  });

  test('whatever a server answers, only SluiceErrors come out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.string(), fc.json()), async (status, body) => {
        const empty = [204, 205, 304].includes(status);
        const { client } = clientWith(() => new Response(empty ? null : body, { status }));
        const result = await client.stream('cam').then(
          () => 'answer',
          (thrown: unknown) => (thrown instanceof SluiceError ? 'SluiceError' : thrown),
        );
        expect(result).toBe('SluiceError');
      }),
      { numRuns: 200 },
    );
  });

  test("the caller's own end is passed on as it is", async () => {
    const mine = new AbortController();
    const { client } = clientWith(
      ({ init }) => new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
    );
    const asking = client.streams(mine.signal);
    const reason = new Error('enough');
    mine.abort(reason);
    await expect(asking).rejects.toBe(reason);
  });
});

/** A socket in the hands of the test. */
class FakeSocket extends EventTarget {
  static last: FakeSocket;
  readonly url: string;
  readyState = 0;
  binaryType = '';
  readonly sent: string[] = [];

  constructor(url: string | URL) {
    super();
    this.url = String(url);
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  emit(type: string, fields: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

describe('events', () => {
  const openWith = (base: string, token?: string) => {
    const client = new SluiceClient({ base, ...(token ? { token } : {}), WebSocket: FakeSocket as unknown as typeof WebSocket });
    const seen: string[] = [];
    const socket = client.openEvents({
      onOpen: () => seen.push('open'),
      onEvent: (event) => seen.push(event.type),
      onBinary: (bytes) => seen.push(`binary ${bytes.length}`),
      onClose: (code) => seen.push(`close ${code}`),
    });
    return { socket, seen, fake: FakeSocket.last };
  };

  test('address from http and https, with prefix and token', () => {
    expect(openWith('http://h/p').fake.url).toBe('ws://h/p/api/events');
    expect(openWith('https://h/', 'a b').fake.url).toBe('wss://h/api/events?token=a+b');
  });

  test('text is parsed, binary handed on, the rest left out, the end told once', () => {
    const { socket, seen, fake } = openWith('http://h/');
    expect(fake.binaryType).toBe('arraybuffer');
    expect(socket.send({ type: 'ping', t: 1 })).toBe(false);
    fake.readyState = 1;
    fake.emit('open');
    fake.emit('message', { data: '{"type":"hello","now":1,"version":"0.1.0"}' });
    fake.emit('message', { data: '{"type":"from the future"}' });
    fake.emit('message', { data: 'no JSON' });
    fake.emit('message', { data: new ArrayBuffer(5) });
    expect(socket.send({ type: 'ping', t: 1 })).toBe(true);
    expect(fake.sent).toEqual(['{"type":"ping","t":1}']);
    fake.emit('error');
    fake.emit('close', { code: 1006, reason: '' });
    fake.emit('message', { data: new ArrayBuffer(5) });
    expect(seen).toEqual(['open', 'hello', 'binary 5', 'close 1006']);
  });

  test('no text makes parseEvent throw', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.constant(undefined)), (text) => void parseEvent(text)));
    expect(parseEvent('{"type":"state","stream":"cam","info":null}')).toEqual({ type: 'state', stream: 'cam', info: null });
  });
});
