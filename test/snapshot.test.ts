// Snapshots: the newest picture at full depth, and any frame of the recording by its id or capture time, judged by its barcode.
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import { readBarcode } from '../src/formats/barcode.ts';
import { readNpy } from '../src/formats/npy.ts';
import { testServer } from './server.ts';

const cam = { source: { type: 'pattern' as const, width: 640, height: 360, fps: 30 } };

function codeOf(png: Uint8Array): { frame: number; timeMs: number } | null {
  const { data, width } = PNG.sync.read(Buffer.from(png));
  return readBarcode(data, width, 4);
}

test('the newest picture wakes a sleeping source and names its frame', async () => {
  await using server = await testServer({ streams: { cam } });
  const response = await server.fetch('live/cam/snapshot.png');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-disposition')).toMatch(/cam_\d{8}T\d{6}\.\d{3}Z_f\d+\.png/);
  const code = codeOf(new Uint8Array(await response.arrayBuffer()));
  expect(code?.frame).toBe(Number(response.headers.get('x-sluice-frame')));
  expect(Math.abs(code!.timeMs * 1000 - Number(response.headers.get('x-sluice-timestamp')))).toBeLessThanOrEqual(100);
});

test('new=1 is the next frame that is captured after the request, at full depth', async () => {
  const scope = { source: { type: 'pattern' as const, kind: 'microscope' as const, width: 64, height: 48, fps: 10 } };
  await using server = await testServer({ streams: { scope } });
  let before = 0;
  // Asleep at first, then awake: never the one that was there.
  using _awake = server.streams.registry.get('scope').demand();
  for (let turn = 0; turn < 5; turn++) {
    const asked = server.clock.now();
    const response = await server.fetch('live/scope/snapshot.npy?new=1');
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('x-sluice-timestamp'))).toBeGreaterThanOrEqual(asked);
    expect(Number(response.headers.get('x-sluice-frame'))).toBeGreaterThan(before);
    before = Number(response.headers.get('x-sluice-frame'));
    expect(readNpy(new Uint8Array(await response.arrayBuffer()))).toMatchObject({ dtype: 'uint16', shape: [48, 64] });
  }
  const both = await server.fetch('live/scope/snapshot.npy?new=1&frame=1');
  expect(await both.json()).toMatchObject({ code: 'bad-value', field: 'new' });
});

test('a frame of the recording by id and by time', async () => {
  await using server = await testServer({ streams: { cam } });
  expect((await server.fetch('live/cam/hls/index.m3u8')).status).toBe(200);
  let timeline = await server.json<Timeline>('live/cam/timeline.json');
  while (timeline.frames.pts.length < 40) {
    await server.fetch(`live/cam/hls/video/media.m3u8?_HLS_msn=${timeline.segments.at(-1)!.sequence + 1}&_HLS_part=0`);
    timeline = await server.json<Timeline>('live/cam/timeline.json');
  }
  const rows: { id: number; timestamp: number }[] = [];
  for (const [i, step] of timeline.frames.id.entries()) {
    const before = rows.at(-1) ?? { id: 0, timestamp: 0 };
    rows.push({ id: before.id + step, timestamp: before.timestamp + timeline.frames.timestamp[i]! });
  }
  for (const row of [rows[3]!, rows[20]!, rows.at(-5)!]) {
    for (const query of [`frame=${row.id}`, `timestamp=${row.timestamp}`]) {
      const response = await server.fetch(`live/cam/snapshot.png?${query}`);
      expect(response.status).toBe(200);
      expect(codeOf(new Uint8Array(await response.arrayBuffer()))?.frame).toBe(row.id);
    }
  }
  const missing = await server.fetch('live/cam/snapshot.png?frame=999999');
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ code: 'unknown-frame' });
});

test('npy keeps every bit of a 16-bit picture', async () => {
  await using server = await testServer({});
  const pixels = Uint16Array.from({ length: 64 * 48 }, (_, i) => (i * 40_503) % 65_536);
  const pushed = await server.fetch('api/streams/deep/frames?width=64&height=48&format=gray16le', {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(pixels.buffer),
  });
  expect(pushed.status).toBe(202);
  const body = new Uint8Array(await (await server.fetch('live/deep/snapshot.npy')).arrayBuffer());
  const npy = readNpy(body);
  expect(new Uint16Array(body.slice(-pixels.byteLength).buffer)).toEqual(pixels);
  expect(npy.shape).toEqual([48, 64]);
  expect(npy.dtype).toBe('uint16');
});
