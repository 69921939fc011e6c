// Clips of a live, irregular stream: what players show of them is exactly what was asked for.
import { spawnSync } from 'node:child_process';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StreamInfo, Timeline } from '../src/api/schema.ts';
import { type Micros, toTicks } from '../src/core/time.ts';
import { readSampleIdentity } from '../src/formats/h264.ts';
import { decodeClip, punctual, type TimelineRow, timelineRows } from './clips.ts';
import { missingTool, pythonWith } from './python.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const ffmpeg = hasTool('ffmpeg') && hasTool('ffprobe');
const python = pythonWith();
if (!python) missingTool('Python 3.9');
const [WIDTH, HEIGHT] = [640, 360];
const irregular = { type: 'pattern' as const, width: WIDTH, height: HEIGHT, vary: [16, 61] as [number, number], drop: 0.1 };

const rowsOf = async (server: TestServer, stream: string) => timelineRows(await server.json<Timeline>(`live/${stream}/timeline.json`));

/** Waits until so many punctual frames of the stream are kept. */
async function recorded(server: TestServer, stream: string, frames: number, after = 0): Promise<TimelineRow[]> {
  let rows: TimelineRow[] = [];
  const enough = async () => {
    rows = (await rowsOf(server, stream)).filter((row) => row.pts > after);
    return punctual(rows).length > frames;
  };
  await vi.waitUntil(enough, { timeout: 80_000, interval: 100 });
  return rows;
}

describe('clip.mp4', () => {
  let server: TestServer;
  let rows: TimelineRow[];
  let plain: TimelineRow[];

  const clip = async (query: string, init?: RequestInit) => await server.fetch(`live/cam/clip.mp4?${query}`, init);
  const bytesOf = async (query: string) => {
    const response = await clip(query);
    expect(response.status, query).toBe(200);
    return new Uint8Array(await response.arrayBuffer());
  };

  beforeAll(async () => {
    server = await testServer({ streams: { cam: { source: irregular, dvr: { mode: 'always' } } } });
    rows = await recorded(server, 'cam', 180);
    plain = punctual(rows);
  }, 100_000);
  afterAll(() => server?.close());

  it.skipIf(!ffmpeg)(
    'begins and ends with the asked frames and keeps their times to 1/90000 s, ten of ten',
    async () => {
      for (let i = 0; i < 10; i++) {
        const from = plain[Math.floor((i * (plain.length - 30)) / 10) + (i % 3)]!;
        const to = plain[plain.indexOf(from) + [1, 5, 25, 12, 29, 2, 17, 8, 21, 3][i]!]!;
        // By id, by time, and by a time inside the first frame's showing.
        const query = [`startFrame=${from.id}&endFrame=${to.id}`, `start=${from.timestamp}&end=${to.timestamp}`][i % 2]!;
        const shown = rows.filter((row) => row.pts >= from.pts && row.pts <= to.pts);
        const decoded = await decodeClip(await bytesOf(query), WIDTH, HEIGHT);
        expect(decoded.complaints).toBe('');
        expect(decoded.codes).toEqual(shown.map((row) => row.id));
        expect(decoded.times).toEqual(shown.map((row) => row.pts - from.pts));
      }
    },
    180_000,
  );

  it('is a plain file that says where it comes from: for mp4box', async () => {
    const [from, to] = [plain[40]!, plain[70]!];
    const response = await clip(`startFrame=${from.id}&endFrame=${to.id}`);
    const time = new Date(Math.floor(from.timestamp / 1000)).toISOString().replace(/[-:]/g, '');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-disposition': `attachment; filename="cam_${time}_f${from.id}.mp4"`,
      'x-sluice-frame': String(from.id),
      'x-sluice-timestamp': String(from.timestamp),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const file = createFile();
    const samples: { data?: Uint8Array; cts: number; duration: number; is_sync: boolean }[] = [];
    file.onError = (module: string, message: string) => {
      throw new Error(`${module}: ${message}`);
    };
    file.onReady = (info) => {
      expect(info).toMatchObject({ isFragmented: false, isProgressive: true, timescale: 90_000 });
      expect(Math.floor(info.created!.getTime() / 1000)).toBe(Math.floor(from.pts / 90_000));
      expect(info.tracks[0]).toMatchObject({ codec: expect.stringMatching(/^avc1\./), track_width: WIDTH, nb_samples: expect.any(Number) });
      file.setExtractionOptions(1, null, { nbSamples: 1000 });
      file.start();
    };
    file.onSamples = (_id, _user, list) => samples.push(...(list as typeof samples));
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.slice().buffer as ArrayBuffer, 0));
    file.flush();
    expect(file.boxes.map((box) => box.type)).toEqual(['ftyp', 'moov', 'mdat']);
    // Decoding begins with a key frame; every sample still names its frame.
    expect(samples[0]!.is_sync).toBe(true);
    const ids = samples.map((sample) => readSampleIdentity(sample.data!)!.id);
    const first = ids.indexOf(from.id);
    const edit = (file.moov as unknown as { traks: { edts: { elst: { entries: { media_time: number; segment_duration: number }[] } } }[] })
      .traks[0]!.edts.elst.entries;
    expect(edit).toHaveLength(1);
    expect(Number(edit[0]!.media_time)).toBe(samples[first]!.cts);
    const end = rows[rows.findLastIndex((row) => row.id === to.id) + 1]!;
    expect(Number(edit[0]!.segment_duration)).toBe(end.pts - from.pts);
    expect(ids.at(-1)).toBe(to.id);
  });

  it.skipIf(!ffmpeg)('keeps the absolute time in its tags', async () => {
    const [from, to] = [plain[20]!, plain[30]!];
    const { tags } = await decodeClip(await bytesOf(`startFrame=${from.id}&endFrame=${to.id}`), WIDTH, HEIGHT);
    expect(JSON.parse(tags.comment!)).toMatchObject({ stream: 'cam', startFrame: from.id, endFrame: to.id, pts: from.pts });
    expect(Math.abs((JSON.parse(tags.comment!) as { start: number }).start - from.timestamp)).toBeLessThanOrEqual(20);
    expect(tags.creation_time).toBe(new Date(Math.floor(from.pts / 90_000) * 1000).toISOString().replace('.000Z', '.000000Z'));
  });

  it.skipIf(!ffmpeg)('reaches into the growing segment, up to now', { timeout: 120_000 }, async () => {
    // A clip waits a second for the newest frames: where the machine is further behind, the next one may have them.
    let now = server.clock.now();
    const upToNow = async () => {
      now = server.clock.now();
      const response = await clip(`start=${now - 2_500_000}&end=${now}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return response.status === 200 ? bytes : String(Buffer.from(bytes));
    };
    let answer = await upToNow();
    for (const end = performance.now() + 60_000; typeof answer === 'string' && performance.now() < end; ) answer = await upToNow();
    if (typeof answer === 'string') throw new Error(answer);
    const decoded = await decodeClip(answer, WIDTH, HEIGHT);
    const kept = await rowsOf(server, 'cam');
    const shownAt = (time: number) => kept.findLast((row) => row.pts <= toTicks(time as Micros))!.id;
    expect(decoded.codes[0]).toBe(shownAt(now - 2_500_000));
    expect(decoded.codes.at(-1)).toBe(shownAt(now));
  });

  it('answers HEAD and ranges with the very bytes of the whole', async () => {
    const query = `startFrame=${plain[33]!.id}&endFrame=${plain[150]!.id}`;
    const whole = Buffer.from(await bytesOf(query));
    const head = await clip(query, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(whole.length));
    expect(head.headers.get('accept-ranges')).toBe('bytes');
    for (const [range, from, to] of [
      ['bytes=0-99', 0, 100],
      ['bytes=500-', 500, whole.length],
      ['bytes=-1000', whole.length - 1000, whole.length],
      [`bytes=1200-${whole.length - 3}`, 1200, whole.length - 2],
    ] as const) {
      const part = await clip(query, { headers: { range } });
      expect(part.status).toBe(206);
      expect(part.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${whole.length}`);
      expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(from, to))).toBe(true);
    }
    expect((await clip(query, { headers: { range: 'bytes=99999999-' } })).status).toBe(416);
    const other = await clip(query, { headers: { range: 'bytes=0-99', 'if-range': '"another"' } });
    expect(other.status).toBe(200);
    await other.body?.cancel();
  });

  it('stands in the OpenAPI document, where the page looks for it', async () => {
    const { paths } = await server.json<{ paths: Record<string, object> }>('openapi.json');
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/live/{stream}/clip.mp4', '/live/{stream}/clip.zip']));
  });

  it.skipIf(!python)('clip.zip holds it with the markers, metrics and data of its span, and nothing beside', async () => {
    const [from, to] = [plain[60]!, plain[90]!];
    const post = async (path: string, body: unknown) => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      expect((await server.fetch(`api/streams/cam/${path}`, init)).status).toBeLessThan(300);
    };
    const moments = [plain[59]!, from, plain[75]!, to, plain[91]!];
    await post(
      'markers',
      moments.map((row) => ({ id: `m${row.id}`, label: 'a "label", quoted', frame: row.id })),
    );
    await post(
      'metrics',
      moments.map((row) => ({ frame: row.id, values: { mean: row.id } })),
    );
    await post(
      'data',
      moments.map((row) => ({ frame: row.id, seen: row.id })),
    );
    const query = `startFrame=${from.id}&endFrame=${to.id}`;
    const response = await server.fetch(`live/cam/clip.zip?${query}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/zip');
    const name = /filename="(.*)\.zip"/.exec(response.headers.get('content-disposition')!)![1]!;
    const script = `
import base64, io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert z.testzip() is None
print(json.dumps({i.filename: base64.b64encode(z.read(i)).decode() for i in z.infolist()}))`;
    const input = Buffer.from(await response.arrayBuffer());
    const done = spawnSync(python!, ['-c', script], { input, maxBuffer: 1e9 });
    expect(String(done.stderr)).toBe('');
    const files = JSON.parse(String(done.stdout)) as Record<string, string>;
    const file = (end: string) => Buffer.from(files[`${name}${end}`]!, 'base64');
    const texts = ['_markers.csv', '_markers.json', '_metrics.csv', '_metrics.json', '_data.json'];
    expect(Object.keys(files)).toEqual(['.mp4', ...texts].map((end) => `${name}${end}`));
    expect(file('.mp4').equals(Buffer.from(await bytesOf(query)))).toBe(true);
    const inside = [from.id, plain[75]!.id, to.id];
    expect((JSON.parse(String(file('_markers.json'))) as { frame: number }[]).map(({ frame }) => frame)).toEqual(inside);
    const metrics = JSON.parse(String(file('_metrics.json'))) as { frame: number; values: object }[];
    expect(metrics).toMatchObject(inside.map((id) => ({ frame: id, values: { mean: id } })));
    expect((JSON.parse(String(file('_data.json'))) as { record: object }[]).map(({ record }) => record)).toEqual(
      inside.map((id) => ({ seen: id })),
    );
    expect(String(file('_markers.csv')).trimEnd().split('\n')).toHaveLength(4);
    expect(String(file('_metrics.csv')).split('\n')[0]).toBe('timestamp,time,frame,mean');
  });

  it('says what is wrong, and what is kept', async () => {
    const problem = async (query: string) => (await (await clip(query)).json()) as Record<string, unknown>;
    const kept = { start: expect.any(Number), end: expect.any(Number), startFrame: rows[0]!.id, endFrame: expect.any(Number) };
    const [a, b] = [plain[10]!, plain[20]!];
    expect(await problem('')).toMatchObject({ status: 400, code: 'bad-value', field: 'start' });
    expect(await problem(`start=${a.timestamp}&startFrame=3&endFrame=9`)).toMatchObject({ code: 'bad-value', field: 'start' });
    expect(await problem(`startFrame=${a.id}`)).toMatchObject({ code: 'bad-value', field: 'end' });
    expect(await problem('start=12&end=13')).toMatchObject({ code: 'bad-timestamp' });
    expect(await problem(`startFrame=${b.id}&endFrame=${a.id}`)).toMatchObject({ code: 'bad-value', field: 'endFrame', received: a.id });
    expect(await problem(`startFrame=${a.id}&endFrame=9999999999`)).toMatchObject({ status: 404, code: 'unknown-frame', kept });
    expect(await problem(`start=${rows[0]!.timestamp - 60_000_000}&endFrame=${b.id}`)).toMatchObject({ status: 410, code: 'gone', kept });
    expect(await problem(`startFrame=${a.id}&end=${server.clock.now() + 60_000_000}`)).toMatchObject({ code: 'gone', field: 'end', kept });
    expect(await (await server.fetch('live/nobody/clip.mp4?startFrame=1&endFrame=2')).json()).toMatchObject({ code: 'unknown-stream' });
  });
});

it.skipIf(!ffmpeg)(
  'over a pause keeps the time; over a change of size it names the longest part that works',
  async () => {
    const cam = { source: irregular, dvr: { mode: 'always' as const } };
    await using server = await testServer({});
    const put = (config: object) => server.fetch('api/streams/cam', put_(config));
    const put_ = (config: object) => ({ method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(config) });
    expect((await put(cam)).status).toBeLessThan(300);
    const before = punctual(await recorded(server, 'cam', 40));
    await server.fetch('api/streams/cam/stop', { method: 'POST' });
    const last = (await rowsOf(server, 'cam')).at(-1)!;
    await server.fetch('api/streams/cam/start', { method: 'POST' });
    const after = punctual(await recorded(server, 'cam', 40, last.pts));
    const from = before[5]!;
    const to = after[20]!;
    const response = await server.fetch(`live/cam/clip.mp4?startFrame=${from.id}&endFrame=${to.id}`);
    expect(response.status).toBe(200);
    const decoded = await decodeClip(new Uint8Array(await response.arrayBuffer()), WIDTH, HEIGHT);
    const shown = (await rowsOf(server, 'cam')).filter((row) => row.pts >= from.pts && row.pts <= to.pts);
    expect(decoded.codes).toEqual(shown.map((row) => row.id));
    expect(decoded.times).toEqual(shown.map((row) => row.pts - from.pts));

    expect((await put({ ...cam, source: { ...irregular, width: 320, height: 192 } })).status).toBeLessThan(300);
    const resized = async () => (await server.json<StreamInfo>('api/streams/cam')).width === 320;
    await vi.waitUntil(resized, { timeout: 20_000, interval: 50 });
    const newest = (await rowsOf(server, 'cam')).at(-1)!;
    // The recording changes its size where the next segment of 2 s begins.
    const small = punctual(await recorded(server, 'cam', 40, newest.pts + 3 * 90_000));
    const query = `live/cam/clip.mp4?startFrame=${to.id}&endFrame=${small.at(-5)!.id}`;
    const refused = await server.fetch(query);
    const problem = (await refused.json()) as { code: string; detail: string; longest: { startFrame: number; endFrame: number } };
    expect(problem).toMatchObject({ status: 409, code: 'conflict', longest: { startFrame: expect.any(Number) } });
    const { startFrame, endFrame } = problem.longest;
    expect(problem.detail).toContain(`frames ${startFrame} to ${endFrame}`);
    expect((await server.fetch(`live/cam/clip.mp4?startFrame=${startFrame}&endFrame=${endFrame}`)).status).toBe(200);
  },
  120_000,
);
