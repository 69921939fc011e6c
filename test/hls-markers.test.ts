// The example's detector, a process of its own and 200 ms late on purpose, against what the generator knows of its events.
import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import type { MarkerPage } from '../src/api/timeline.ts';
import { barcodeHeight } from '../src/formats/barcode.ts';
import { writeFrameHeader } from '../src/formats/frame-header.ts';
import { checkerboard } from '../src/sources/pattern/checkerboard.ts';
import { random } from '../src/sources/pattern/random.ts';
import { visible } from './mint-truth.ts';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';

const WIDTH = 320;
const HEIGHT = 180;
/** The picture's events run so much faster than the clock: one in 1.5 s instead of one in 22 s. */
const SPEED = 15;
const EVENTS = Number(process.env.SLUICE_TEST_EVENTS ?? 12);
const python = pythonWith('numpy');

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Pushes the checkerboard at 16 to 61 ms, one frame in ten missing, until so many events are over. Gives the true first and last frames. */
async function pushEvents(server: TestServer, seed: number): Promise<{ first: number; last: number }[]> {
  const ws = new WebSocket(new URL('api/streams/board/frames', server.url.replace('http', 'ws')));
  await new Promise((resolve) => ws.once('open', resolve));
  const acks: { id: number; timestamp: number }[] = [];
  const elapsedAt = new Map<number, number>();
  ws.on('message', (data) => acks.push(JSON.parse(String(data))));
  const pattern = checkerboard(WIDTH, HEIGHT, barcodeHeight(WIDTH), seed);
  const dice = random(seed, 99);
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  const start = Math.round(server.clock.now());
  const frames = () => acks.map(({ id, timestamp }) => ({ id, elapsed: elapsedAt.get(timestamp)! }));
  let sent = 0;
  for (let at = start; ; at += Math.round(16_000 + 45_000 * dice())) {
    if (dice() < 0.1) continue;
    // A camera, too, has no more frames than the machine can take in.
    while (sent - acks.length > 4) await pause(5);
    at = Math.max(at, Math.round(server.clock.now()));
    await pause(Math.max(0, (at - server.clock.now()) / 1000));
    sent++;
    const elapsed = ((at - start) / 1e6) * SPEED;
    elapsedAt.set(at, elapsed);
    pattern.draw(pixels, { id: 0, timestamp: at as never, elapsed });
    const header = writeFrameHeader({ format: 'rgb24', width: WIDTH, height: HEIGHT, payloadBytes: pixels.length, timestamp: at });
    ws.send(Buffer.concat([header, pixels]));
    const known = visible(seed, frames());
    // The last one is over when a frame has shown that.
    if (known.length > EVENTS) break;
  }
  ws.close();
  return visible(seed, frames()).slice(0, EVENTS);
}

function startDetector(url: string): { child: ChildProcess; output: () => string; looking: Promise<void> } {
  const program = fileURLToPath(new URL('../examples/hls-markers/detector.py', import.meta.url));
  const client = fileURLToPath(new URL('../clients/python', import.meta.url));
  const child = spawn(python!, ['-B', '-u', program, url, 'board', '--late', '0.2'], {
    env: { ...process.env, PYTHONPATH: [client, process.env.PYTHONPATH].filter(Boolean).join(delimiter) },
  });
  let output = '';
  const looking = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (data) => (output += data));
    child.stdout.on('data', (data) => {
      output += data;
      if (output.includes('looking at')) resolve();
    });
    child.once('exit', () => reject(new Error(output)));
  });
  return { child, output: () => output, looking };
}

describe.skipIf(!python)('examples/hls-markers', () => {
  it('a late detector in a process of its own marks the right frames', { timeout: 60_000 + EVENTS * 5000 }, async () => {
    await using server = await testServer({ streams: { board: { dvr: { mode: 'always', window: '1h' } } } });
    // One frame without an event, so that the stream has something to look at.
    const blank = await server.fetch(`api/streams/board/frames?width=${WIDTH}&height=${HEIGHT}&format=rgb24`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(WIDTH * HEIGHT * 3),
    });
    expect(blank.status).toBe(202);
    const detector = startDetector(server.url);
    try {
      await detector.looking;
      const truth = await pushEvents(server, 5);
      const end = performance.now() + 20_000;
      let markers: MarkerPage['items'] = [];
      while (performance.now() < end && markers.filter((marker) => !marker.open).length < truth.length) {
        await pause(100);
        markers = (await server.json<MarkerPage>('api/streams/board/markers?kind=mint&limit=1000')).items;
      }
      const found = markers.slice(0, truth.length).map((marker) => ({ first: marker.frame, last: marker.endFrame }));
      const stats = await server.json<StreamStats>('api/streams/board/stats');
      const lost = {
        ledger: stats.ledger,
        rendition: stats.renditions.find(({ codec }) => codec === 'raw'),
        output: stats.outputs['ws-raw'],
      };
      const right = truth.filter((event, i) => event.first === found[i]?.first && event.last === found[i]?.last).length;
      console.log(`${right} of ${truth.length} markers on the right frames`);
      expect(found, JSON.stringify(lost)).toEqual(truth);
      for (const marker of markers.slice(0, truth.length)) expect(marker.open).toBe(false);
    } finally {
      detector.child.kill();
    }
  });
});

it.skipIf(python)('numpy is missing: the detector of the example was not tried', () => missingTool('numpy for Python 3'));
