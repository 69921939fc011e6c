// The same picture, pushed in every form and by every way, is the same picture: in the PNG, in the JPEG and for a viewer.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { parseFormat } from '../src/core/frame.ts';
import { readFrameHeader, writeFrameHeader } from '../src/formats/frame-header.ts';
import { decodeJpeg } from '../src/native/jpeg.ts';
import { colourForms, colourPicture, type Form, grayForms, grayPicture, meanDifference, pngToRgb, type Reference } from './pictures.ts';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';

/** CONTRACT: levels of 255. */
const LIMIT = 2;
/** Live, yuv420p is converted the fast way (15 times), which costs up to 1.3 levels, and the JPEG itself about 1. */
const LIVE_LIMIT = 2.5;

interface Case {
  readonly form: Form;
  readonly picture: Reference;
}

/** The gray picture in all forms, then colour in those that have it, then both at an odd size. */
const cases: Case[] = [];
for (const [width, height] of [
  [64, 48],
  [63, 47],
] as const) {
  const gray = grayPicture(width, height);
  const colour = colourPicture(width, height);
  const name = (form: Form, what: string): Form => ({ ...form, name: `${form.name}, ${what}, ${width}x${height}` });
  cases.push(
    ...grayForms(gray).map((form) => ({ form: name(form, 'gray'), picture: gray })),
    ...colourForms(gray).map((form) => ({ form: name(form, 'gray'), picture: gray })),
    ...colourForms(colour).map((form) => ({ form: name(form, 'colour'), picture: colour })),
  );
}

let server: TestServer;
beforeAll(async () => {
  // Nothing is kept: the encoders of so many sizes and formats are not what is looked at here.
  server = await testServer({ dvr: { mode: 'off' } });
});
afterAll(() => server.close());

async function toRgb(jpeg: Uint8Array): Promise<Reference> {
  const { format, width, height, data } = await decodeJpeg(jpeg);
  const rgb = format === 'gray' ? Uint8Array.from({ length: data.length * 3 }, (_, i) => data[Math.floor(i / 3)]!) : data;
  return { width, height, rgb };
}

async function snapshot(stream: string, file: string, id: number): Promise<Uint8Array> {
  const answer = await server.fetch(`/live/${stream}/snapshot.${file}`);
  expect(answer.status).toBe(200);
  if (id) expect(answer.headers.get('x-sluice-frame')).toBe(String(id));
  return new Uint8Array(await answer.arrayBuffer());
}

/** Differences of the newest picture of a stream from what was pushed. */
async function check(stream: string, id: number, { form, picture }: Case): Promise<void> {
  const differences = {
    png: meanDifference(pngToRgb(await snapshot(stream, 'png', id)), picture),
    jpg: meanDifference(await toRgb(await snapshot(stream, 'jpg?quality=92', id)), picture),
  };
  expect(differences.png, `${form.name}: PNG`).toBeLessThan(LIMIT);
  expect(differences.jpg, `${form.name}: JPEG`).toBeLessThan(LIMIT);
}

describe('the same picture in every form', { timeout: 120_000 }, () => {
  it('by HTTP, also for a viewer of the live JPEG', async () => {
    await server.fetch('/api/streams/by-http', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' });
    const viewer = new WebSocket(new URL('/live/by-http/ws?codec=jpeg&quality=92', server.url));
    const seen = new Map<number, Uint8Array>();
    viewer.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) return;
      const header = readFrameHeader(data);
      seen.set(header.id, data.subarray(header.headerBytes));
      viewer.emit('picture');
    });
    await once(viewer, 'open');
    for (const entry of cases) {
      const { form, picture } = entry;
      const query = form.format === null ? '' : `?width=${picture.width}&height=${picture.height}&format=${form.format}`;
      const answer = await server.fetch(`/api/streams/by-http/frames${query}`, {
        method: 'POST',
        headers: { 'content-type': form.contentType },
        body: form.data as Uint8Array<ArrayBuffer>,
      });
      const receipt = (await answer.json()) as { id: number; dropped?: string };
      expect({ status: answer.status, dropped: receipt.dropped }, form.name).toEqual({ status: 202, dropped: undefined });
      await check('by-http', receipt.id, entry);
      while (!seen.has(receipt.id)) await once(viewer, 'picture', { signal: AbortSignal.timeout(10_000) });
      expect(meanDifference(await toRgb(seen.get(receipt.id)!), picture), `${form.name}: live JPEG`).toBeLessThan(LIVE_LIMIT);
    }
    viewer.close();
    await once(viewer, 'close');
  });

  it('by WebSocket', async () => {
    const socket = new WebSocket(new URL('/api/streams/by-socket/frames', server.url));
    await once(socket, 'open');
    // The frame header has no npy: such arrays go in as their raw formats.
    for (const entry of cases.filter(({ form }) => form.contentType !== 'application/x-npy')) {
      const { form, picture } = entry;
      const encoding = ({ 'image/jpeg': 'jpeg', 'image/png': 'png' } as const)[form.contentType] ?? 'raw';
      const format = parseFormat(form.format ?? 'rgb24');
      const { width, height } = picture;
      socket.send(Buffer.concat([writeFrameHeader({ encoding, format, width, height, payloadBytes: form.data.length }), form.data]));
      const [data] = (await once(socket, 'message')) as [Buffer];
      const ack = JSON.parse(String(data)) as { type: string; id: number };
      expect(ack, form.name).toMatchObject({ type: 'ack' });
      await check('by-socket', ack.id, entry);
    }
    socket.close();
    await once(socket, 'close');
  });

  const python = pythonWith('numpy');
  it.skipIf(!python)('by Python', async () => {
    const client = fileURLToPath(new URL('../clients/python', import.meta.url));
    const script = fileURLToPath(new URL('./push-formats.py', import.meta.url));
    const child = spawn(python!, ['-B', script, server.url], {
      env: { ...process.env, PYTHONPATH: client },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    try {
      for (const entry of cases) {
        const { form, picture } = entry;
        const { width, height } = picture;
        const data = Buffer.from(form.data).toString('base64');
        child.stdin!.write(`${JSON.stringify({ stream: 'by-python', width, height, format: form.format, data })}\n`);
        const line = await lines.next();
        const receipt = JSON.parse(line.value ?? 'null') as { id: number; dropped: string | null };
        expect(receipt.dropped, form.name).toBeNull();
        await check('by-python', receipt.id, entry);
      }
    } finally {
      child.stdin!.end();
      await ended(child);
    }
  });
  it.skipIf(python)('by Python: numpy is missing', () => missingTool('numpy for Python 3'));

  it('by standard input', async () => {
    const raw = cases.filter(({ form, picture }) => form.format !== null && picture.width === 64);
    const program = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
    const run = async (entry: Case, index: number) => {
      const { form, picture } = entry;
      const stream = `by-stdin-${index}`;
      const shape = ['--size', `${picture.width}x${picture.height}`, '--format', form.format!, '--fps', '30'];
      const child = spawn(process.execPath, [program, 'push', stream, '-i', '-', ...shape, '--server', server.url], {
        stdio: ['pipe', 'inherit', 'pipe'],
      });
      let said = '';
      child.stderr!.on('data', (data) => {
        said += data;
      });
      child.stdin!.end(Buffer.concat([form.data, form.data, form.data]));
      expect(await ended(child), `${form.name}: ${said}`).toBe(0);
      await check(stream, 0, entry);
    };
    // Three programs at a time.
    const queue = raw.entries();
    await Promise.all(
      [0, 1, 2].map(async () => {
        for (const [index, entry] of queue) await run(entry, index);
      }),
    );
  });
});

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}
