import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ProcessorRun } from '../../../test/processor-run.ts';
import { shoot } from '../../../test/scene.ts';
import type { PixelFormat } from '../../core/frame.ts';
import { decodePicture } from '../../native/picture.ts';
import { processor } from './http.ts';

type Answer = (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const end of cleanups.splice(0)) end();
});

/** A program that answers; gives its address. */
async function program(answer: Answer): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    answer(request, Buffer.concat(chunks), response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/look`;
}

const frame = (format: PixelFormat = 'rgb24') => shoot(format, 16, 8, 7, (x) => (x < 8 ? [200, 40, 40] : [20, 20, 20]));
const json = (response: ServerResponse, value: unknown) =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));

describe('http', () => {
  it.each([
    { send: 'jpeg', type: 'image/jpeg', format: 'rgb24' },
    { send: 'png', type: 'image/png', format: 'rgb24' },
    { send: 'npy', type: 'application/x-npy', format: 'rgb24' },
    { send: 'png', type: 'image/png', format: 'gray16le' },
    { send: 'npy', type: 'application/x-npy', format: 'gray16le' },
    { send: 'jpeg', type: 'image/jpeg', format: 'nv12' },
    { send: 'npy', type: 'application/x-npy', format: 'grayf32le' },
  ] as const)('sends $format as $send, and shows the picture that comes back', async ({ send, type, format }) => {
    let seen: IncomingMessage | undefined;
    const url = await program((request, body, response) => {
      seen = request;
      response.setHeader('content-type', request.headers['content-type']!).end(body);
    });
    const shot = frame(format);
    const made = await new ProcessorRun(processor, { url, send, headers: { 'X-Key': 'k' } }).video(shot);
    expect(seen).toMatchObject({ method: 'POST', url: '/look' });
    expect(seen!.headers).toMatchObject({ 'content-type': type, 'x-sluice-frame': '7', 'x-sluice-stream': 'cam', 'x-key': 'k' });
    expect(seen!.headers['x-sluice-timestamp']).toBe(String(shot.info.timestamp));
    expect(made).toMatchObject({ fate: 'replaced', width: 16, height: 8, format: format === 'nv12' ? 'rgb24' : format });
    // What is not lossy comes back as it was.
    if (send !== 'jpeg') expect(Buffer.from(made.bytes)).toEqual(Buffer.from(shot.pixels));
  });

  it('makes metrics, markers and data of JSON, and lets the picture through', async () => {
    const url = await program((_request, _body, response) =>
      json(response, {
        metrics: { cells: 3, sizes: [1, 2, null] },
        markers: [{ label: 'spike', kind: 'event' }],
        data: [{ text: 'one' }],
        boxes: [{ x: 1, y: 2, w: 3, h: 4 }],
      }),
    );
    const made = await new ProcessorRun(processor, { url }).video(frame());
    expect(made).toMatchObject({
      fate: 'passed',
      metrics: { cells: 3, sizes: [1, 2, null] },
      markers: [{ label: 'spike', kind: 'event' }],
      data: [{ text: 'one' }, { boxes: [{ x: 1, y: 2, w: 3, h: 4 }] }],
    });
  });

  it('withholds the picture where the answer says so; an empty answer lets it through', async () => {
    const url = await program((request, _body, response) => {
      if (request.headers['x-empty']) response.writeHead(request.headers['x-empty'] === '204' ? 204 : 200).end();
      else json(response, { withhold: true });
    });
    expect((await new ProcessorRun(processor, { url }).video(frame())).fate).toBe('withheld');
    for (const code of ['204', '200']) {
      expect((await new ProcessorRun(processor, { url, headers: { 'x-empty': code } }).video(frame())).fate).toBe('passed');
    }
  });

  it('sends name and password of the address as a header', async () => {
    let authorization: string | undefined;
    const url = await program((request, _body, response) => {
      authorization = request.headers.authorization;
      response.writeHead(204).end();
    });
    await new ProcessorRun(processor, { url: url.replace('//', '//me:p%40ss@') }).video(frame());
    expect(authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it.each<{ name: string; answer: Answer; message: RegExp }>([
    {
      name: 'a refusal',
      answer: (_q, _b, r) => r.writeHead(500, { 'content-type': 'text/plain' }).end('no model'),
      message: /answered 500: no model/,
    },
    {
      name: 'another address',
      answer: (_q, _b, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      message: /wants another address/,
    },
    {
      name: 'a page',
      answer: (_q, _b, r) => r.setHeader('content-type', 'text/html').end('<p>'),
      message: /text\/html; expected image\/jpeg/,
    },
    { name: 'broken JSON', answer: (_q, _b, r) => r.setHeader('content-type', 'application/json').end('{'), message: /no JSON/ },
    { name: 'wrong JSON', answer: (_q, _b, r) => json(r, { metrics: { cells: 'three' } }), message: /does not fit: metrics\.cells/ },
    { name: 'a broken picture', answer: (_q, _b, r) => r.setHeader('content-type', 'image/png').end('nothing'), message: /PNG/ },
    { name: 'much JSON', answer: (_q, _b, r) => json(r, { text: 'x'.repeat(1_100_000) }), message: /more than 1048576 bytes/ },
    { name: 'nothing', answer: (_q, _b, r) => r.destroy(), message: /the connection was cut|cannot be asked/ },
  ])('$name is an error in plain words', async ({ answer, message }) => {
    await expect(new ProcessorRun(processor, { url: await program(answer) }).video(frame())).rejects.toThrow(message);
  });

  it('nobody who listens is said so; a frame that is given up ends the call', async () => {
    await expect(new ProcessorRun(processor, { url: 'http://127.0.0.1:9/' }).video(frame())).rejects.toThrow(
      /127\.0\.0\.1:9 cannot be asked/,
    );
    const given = new AbortController();
    const gone = Promise.withResolvers<void>();
    const url = await program((_request, _body, response) => {
      response.on('close', gone.resolve);
      given.abort();
    });
    await expect(new ProcessorRun(processor, { url }).video(frame(), { signal: given.signal })).rejects.toThrow(/no answer in time/);
    await gone.promise;
  });

  it('is asked several times at once', async () => {
    const waiting: (() => void)[] = [];
    const url = await program((_request, body, response) => {
      waiting.push(() => response.setHeader('content-type', 'image/jpeg').end(body));
      // Nobody gets an answer before all have asked.
      if (waiting.length === 3) for (const answer of waiting) answer();
    });
    const run = new ProcessorRun(processor, { url });
    const all = await Promise.all([1, 2, 3].map((id) => run.video(shoot('gray', 16, 8, id, () => [id * 60, 0, 0]))));
    for (const { bytes, format } of all) expect([format, bytes.length]).toEqual(['gray', 128]);
  });

  it('takes addresses of the web only', () => {
    for (const url of ['file:///etc/passwd', 'ftp://host/', 'host', '']) expect(processor.params!.safeParse({ url }).success).toBe(false);
    expect(processor.params!.safeParse({ url: 'https://models.lab:8443/find?x=1' }).success).toBe(true);
  });

  it('what was sent can be decoded', async () => {
    let png = Buffer.alloc(0);
    const url = await program((_request, body, response) => {
      png = body as Buffer<ArrayBuffer>;
      response.writeHead(204).end();
    });
    const shot = frame('rgb48le');
    await new ProcessorRun(processor, { url, send: 'png' }).video(shot);
    const picture = await decodePicture(new Uint8Array(png), 'image/png');
    expect(picture).toMatchObject({ format: 'rgb48le', width: 16, height: 8 });
    expect(Buffer.from(picture.data)).toEqual(Buffer.from(shot.pixels));
  });
});
